//! What a trial brings back.

use crate::text;
use attempts::Seen;
use attempts::attacker::Call;
use serde::{Deserialize, Serialize};

/// What a trial brought back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Why no decoy host could be made, if so: then nothing else is known.
    pub no_decoy: Option<String>,
    /// Why the command never ran, if so.
    pub not_started: Option<String>,
    /// What the decoy host refuses to every program, if the command never ran for that.
    pub forbidden: Option<String>,
    /// Whether the program then ended by itself.
    pub gave_up_itself: bool,
    /// Whether that is what the program said when it refused a hostile image; it starts the command in an honest one.
    pub refused: bool,
    /// Why nothing can be said of what was seen, if so.
    pub distrust: Option<String>,
    /// Whether the program is to blame for that, so that it is not tried again.
    pub tampered: bool,
    /// The decisive call, once the attacker was about to make it.
    pub tried: Option<String>,
    /// What the attacker got: an errno (0 for success), and its text.
    pub got: Option<(i32, String)>,
    /// The decisive system call, as the host saw it with ptrace(2).
    pub seen_call: SeenCall,
    /// Why the refusal of the decisive call, or its success without effect, counts for nothing, if so.
    pub unexplained: Option<String>,
    /// Why the attacker never reached the decisive call, by its own word.
    pub gave_up: Option<String>,
    /// The signal that ended the attacker, as the host saw.
    pub killed_by: Option<i32>,
    /// The call for which a filter killed it: there the program is started again, and leaves that one out.
    #[serde(skip)]
    pub filtered: Option<Box<Call>>,
    /// What the host saw.
    pub seen: Seen,
    /// What the host lacks to judge the attempt at all.
    pub lacks: Option<String>,
    /// What was seen, in single facts, for people.
    pub evidence: Vec<String>,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// Of a line of the report so many characters: in most there is something that a program has chosen, a path or a word.
const MAX_LINE: usize = 500;

/// So many lines of evidence: an attempt brings ten at most, unless a program makes more.
const MAX_EVIDENCE: usize = 20;

/// A line, cut where it is too long for a report.
pub fn bounded(line: &str) -> String {
    text::cut(line, MAX_LINE)
}

impl Facts {
    /// The same, with no more of each text than goes into a report.
    pub fn bounded(mut self) -> Facts {
        let Facts { no_decoy, not_started, forbidden, distrust, tried, unexplained, gave_up, lacks, .. } =
            &mut self;
        let texts = [no_decoy, not_started, forbidden, distrust, tried, unexplained, gave_up, lacks];
        texts.into_iter().flatten().for_each(|text| *text = bounded(text));
        self.got = self.got.map(|(errno, text)| (errno, bounded(&text)));
        if let Seen::Effect(text) | Seen::Confined(text) | Seen::Unclear(text) = &mut self.seen {
            *text = bounded(text);
        }
        let (first, more) = text::bounded(&self.evidence, MAX_EVIDENCE);
        self.evidence = first.iter().map(|line| bounded(line)).chain(more).collect();
        self
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_chooses_every_text_fills_no_report() {
        let long = || "é".repeat(1 << 20);
        let some = || Some(long());
        for seen in [Seen::Effect(long()), Seen::Confined(long()), Seen::Unclear(long())] {
            let facts = Facts {
                no_decoy: some(),
                not_started: some(),
                distrust: some(),
                tried: some(),
                got: Some((1, long())),
                gave_up: some(),
                seen,
                lacks: some(),
                evidence: vec![long(); 100],
                ..Facts::default()
            };
            let facts = facts.bounded();
            assert!(serde_json::to_string(&facts).unwrap().len() < 64 << 10);
            assert_eq!(facts.evidence.len(), MAX_EVIDENCE + 1);
            assert_eq!(facts.evidence[MAX_EVIDENCE], "and 80 more");
        }
        let short = Facts { tried: Some("uname()".into()), evidence: vec!["a".into()], ..Facts::default() };
        assert_eq!(format!("{:?}", short.clone().bounded()), format!("{short:?}"));
    }
}
