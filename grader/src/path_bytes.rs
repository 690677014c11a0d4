//! Serializes paths, and words of a command line, as bytes, since they need not be UTF-8 and serde's own form requires that.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Serializes a path.
///
/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    to_hex(path.as_os_str().as_bytes()).serialize(serializer)
}

/// Deserializes a path.
///
/// # Errors
/// Those of the format, and text that [`serialize`] has not written.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let bytes = from_hex(&String::deserialize(deserializer)?);
    Ok(OsString::from_vec(bytes.ok_or_else(|| D::Error::custom("a path that is no hexadecimal text"))?)
        .into())
}

/// Bytes as hexadecimal digits.
fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes again; none where a character is no digit.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// Pairs of paths.
pub mod pairs {
    use super::{Deserialize, Deserializer, PathBuf, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Pair(#[serde(with = "super")] PathBuf, #[serde(with = "super")] PathBuf);

    /// Serializes a list of them.
    ///
    /// # Errors
    /// Those of the format.
    pub fn serialize<S: Serializer>(list: &[(PathBuf, PathBuf)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|(one, other)| Pair(one.clone(), other.clone())))
    }

    /// Deserializes a list of them.
    ///
    /// # Errors
    /// Those of the format.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(PathBuf, PathBuf)>, D::Error> {
        Ok(Vec::<Pair>::deserialize(deserializer)?.into_iter().map(|Pair(one, other)| (one, other)).collect())
    }
}

/// Words of a command line.
pub mod words {
    use super::{Deserialize, Deserializer, OsString, PathBuf, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Word(#[serde(with = "super")] PathBuf);

    /// Serializes a list of them.
    ///
    /// # Errors
    /// Those of the format.
    pub fn serialize<S: Serializer>(list: &[OsString], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|word| Word(word.into())))
    }

    /// Deserializes a list of them.
    ///
    /// # Errors
    /// Those of the format.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OsString>, D::Error> {
        Ok(Vec::<Word>::deserialize(deserializer)?.into_iter().map(|Word(word)| word.into()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_any_bytes_survives() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Message {
            #[serde(with = "super")]
            one: PathBuf,
            #[serde(with = "super::pairs")]
            many: Vec<(PathBuf, PathBuf)>,
            #[serde(with = "super::words")]
            words: Vec<OsString>,
        }
        let odd = PathBuf::from(OsString::from_vec(b"/tmp/\xff\n{}".to_vec()));
        let message = Message {
            one: odd.clone(),
            many: vec![(odd.clone(), "/a".into()), ("/b".into(), odd.clone())],
            words: vec!["a".into(), odd.into()],
        };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
        assert!(serde_json::from_str::<Message>(&text.replace("2f746d70", "2f746d7")).is_err());
    }
}
