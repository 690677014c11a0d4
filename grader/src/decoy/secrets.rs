//! The random words that a decoy host holds. Whoever knows one has been where it was.

use crate::random::random_word;
use anyhow::Result;
use std::collections::BTreeMap;

/// Where the words are.
pub const PLACES: [&str; 16] = [
    "hostname",           // the host's name
    "canary",             // /canary, mode 0600, and /canary.open, outside the rootfs
    "segment",            // a System V segment
    "queue",              // a POSIX message queue
    "abstract-socket",    // what the listener on an abstract socket says
    "loopback",           // what the listener on 127.0.0.1 says
    "datagram",           // what is sent over the loopback interface
    "victim-memory",      // the victim's memory, at a fixed address
    "victim-environment", // the victim's environment
    "victim-file",        // the file that the victim holds open on descriptor 7
    "host-mount",         // the source of a mount of the host's
    "volume",             // the source of the volume that is mounted at rootfs/data
    "key",                // the payload of a key in the session keyring
    "key-name",           // its description
    "environment",        // the environment of who starts the program under test
    "group",              // the name of the container's control group
];

/// What is made anew for an attempt: the words of these.
pub const RENEWED: [&str; 8] =
    ["hostname", "segment", "queue", "abstract-socket", "loopback", "datagram", "key", "key-name"];

/// In seconds. The host has been up for longer than that: a container that sets its clock apart by a day or a week, as the
/// labs do, is not where its host's clock is by chance.
const MONTH: i64 = 30 * 86_400;

/// A random word for each of these places.
pub fn words_for(places: &[&str]) -> Result<BTreeMap<String, String>> {
    let all = random_word(places.len() * 16)?;
    let words = places.iter().enumerate().map(|(at, place)| {
        let word = &all[at * 16..(at + 1) * 16];
        ((*place).to_owned(), word.to_owned())
    });
    Ok(words.collect())
}

/// One word a place.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The words, by their place.
    pub words: BTreeMap<String, String>,
    /// The offset of the decoy's boot-time clock, in seconds.
    pub boot_offset: i64,
    /// What the names of its set-user-ID programs and nodes end with.
    pub name: String,
}

impl Secrets {
    /// New words.
    pub fn random() -> Result<Secrets> {
        let rest = random_word(12)?;
        Ok(Secrets {
            words: words_for(&PLACES)?,
            boot_offset: i64::from_str_radix(&rest[..6], 16)? + MONTH,
            name: rest[6..].to_owned(),
        })
    }

    /// The word at a place.
    pub fn at(&self, place: &str) -> &str {
        &self.words[place]
    }
}
