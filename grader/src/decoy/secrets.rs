//! The random words that a decoy host holds. Whoever knows one has been where it was.

use super::random_word;
use anyhow::Result;

/// One word a place.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The host name.
    pub hostname: String,
    /// `/canary`, outside the rootfs.
    pub canary: String,
    /// The System V segment.
    pub segment: String,
    /// What the abstract socket's listener says.
    pub abstract_socket: String,
    /// What the listener on 127.0.0.1 says.
    pub loopback: String,
    /// In the victim's environment.
    pub environment: String,
    /// The offset of the decoy's boot-time clock, in seconds.
    pub boot_offset: i64,
    /// What the names of the probe and its socket end with.
    pub name: String,
}

impl Secrets {
    /// New words.
    pub fn random() -> Result<Secrets> {
        let all = random_word(7 * 16 + 12 + 6)?;
        let word = |n: usize| all[n * 16..(n + 1) * 16].to_owned();
        Ok(Secrets {
            hostname: format!("decoy-{}", word(0)),
            canary: word(1),
            segment: word(2),
            abstract_socket: word(3),
            loopback: word(4),
            environment: word(5),
            boot_offset: i64::from_str_radix(&all[112..118], 16)? + 86_400,
            name: all[118..].to_owned(),
        })
    }
}
