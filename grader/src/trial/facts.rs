//! What a trial brings back.

use attempts::Seen;
use serde::{Deserialize, Serialize};

/// What a trial brought back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Why no decoy host could be made, if so: then nothing else is known.
    pub no_decoy: Option<String>,
    /// Why the probe never ran, if so.
    pub not_started: Option<String>,
    /// Whether that is what the program said when it refused a hostile image; it starts the command in an honest one.
    pub refused: bool,
    /// Why the probe's word can't be taken, if so.
    pub distrust: Option<String>,
    /// The decisive call, once the attacker was about to make it.
    pub tried: Option<String>,
    /// What the attacker got: an errno (0 for success), and its text.
    pub got: Option<(i32, String)>,
    /// The decisive system call, as the host saw it with ptrace(2).
    pub seen_call: SeenCall,
    /// Why the attacker never reached the decisive call, by its own word.
    pub gave_up: Option<String>,
    /// The signal that ended the attacker, as the host saw.
    pub killed_by: Option<i32>,
    /// What the host saw.
    pub seen: Seen,
    /// What the host lacks to judge the attempt at all.
    pub lacks: Option<String>,
    /// What was seen, in single facts, for people.
    pub evidence: Vec<String>,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// What the host saw of the decisive system call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeenCall {
    /// No such call.
    #[default]
    None,
    /// None is needed: what the host reads of the process decides.
    Property,
    /// It began and never returned.
    Begun,
    /// It returned this: a negative errno where it was refused.
    Returned(i64),
}
