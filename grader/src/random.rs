//! Random words that can't be guessed.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::Read;

/// A random word of `length` hexadecimal digits.
pub fn random_word(length: usize) -> Result<String> {
    let mut bytes = vec![0; length.div_ceil(2)];
    let mut source = File::open("/dev/urandom").context("/dev/urandom")?;
    source.read_exact(&mut bytes).context("/dev/urandom")?;
    let mut word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    word.truncate(length);
    Ok(word)
}
