//! Where a decoy host keeps what it holds besides files: what whoever is on a host could find out by looking.

use std::ffi::CStr;

/// The key of the System V segment (shmget(2)).
pub const SEGMENT_KEY: i32 = 0x0dec_0de0;
/// The name of the message queue (mq_overview(7)).
pub const QUEUE: &CStr = c"/decoy";
/// The name of the abstract socket (unix(7)).
pub const ABSTRACT_NAME: &str = "decoy-host";
/// The port on 127.0.0.1.
pub const PORT: u16 = 4242;
/// The description of the key with the secret payload (session-keyring(7)).
pub const KEY: &CStr = c"decoy-key";
