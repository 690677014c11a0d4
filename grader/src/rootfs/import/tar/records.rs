//! PAX records (pax(1), "pax Extended Header"): `LENGTH KEY=VALUE\n`, where the value may be any bytes.

use anyhow::{Context, Result, ensure};

/// The records of a member, in their order.
#[derive(Default)]
pub(super) struct Records {
    list: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Records {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds those of a header.
    ///
    /// # Errors
    /// They are damaged.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        const DAMAGED: &str = "a PAX record is damaged";
        while !bytes.is_empty() {
            let space = bytes.iter().take(20).position(|byte| *byte == b' ').context(DAMAGED)?;
            let length: usize =
                str::from_utf8(&bytes[..space]).ok().and_then(|it| it.parse().ok()).context(DAMAGED)?;
            ensure!(length > space + 1 && length <= bytes.len() && bytes[length - 1] == b'\n', DAMAGED);
            let record = &bytes[space + 1..length - 1];
            let equals = record.iter().position(|byte| *byte == b'=').context(DAMAGED)?;
            self.list.push((record[..equals].to_vec(), record[equals + 1..].to_vec()));
            bytes = &bytes[length..];
        }
        Ok(())
    }

    /// The value of a key: the last counts.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.list.iter().rev().find(|(it, _)| it == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// All values with one of these keys, in their order.
    pub(super) fn all(&self, keys: &[&str]) -> impl Iterator<Item = &[u8]> {
        let is = move |key: &[u8]| keys.iter().any(|it| it.as_bytes() == key);
        self.list.iter().filter(move |(key, _)| is(key)).map(|(_, value)| value.as_slice())
    }

    /// The value of a key as a number.
    ///
    /// # Errors
    /// It is none, or negative.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>> {
        self.get(key).map(|value| number(value).with_context(|| format!("its {key}"))).transpose()
    }

    /// The extended attributes. An access control list is one of the system's, and is kept as a name alone.
    pub(super) fn attributes(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let xattr = |key: &[u8]| key.strip_prefix(b"SCHILY.xattr.").map(<[u8]>::to_vec);
        let acl = |key: &[u8]| Some([b"system.posix_acl_", key.strip_prefix(b"SCHILY.acl.")?].concat());
        self.list
            .iter()
            .filter_map(|(key, value)| Some((xattr(key).or_else(|| acl(key))?, value.clone())))
            .collect()
    }
}

/// A decimal number.
///
/// # Errors
/// It is none.
pub(super) fn number(text: &[u8]) -> Result<u64> {
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.with_context(|| format!("that is no number: {}", super::shown(text)))
}

/// Seconds with a fraction: `1700000000.25`, also negative.
pub(super) fn time(text: &[u8]) -> Option<(i64, i64)> {
    let text = str::from_utf8(text).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = part.chars().chain("000000000".chars()).take(9).collect();
    let nanoseconds: i64 = digits.parse().ok().filter(|it| *it >= 0)?;
    match (whole.starts_with('-'), nanoseconds) {
        (true, 1..) => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds)),
        _ => Some((seconds, nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_any_bytes() {
        let mut records = Records::default();
        records.add(b"12 path=a\nb\n11 path=\xff\xfe\n21 SCHILY.xattr.a=\n=\n").unwrap();
        assert_eq!(records.get("path"), Some(&b"\xff\xfe"[..]));
        assert_eq!(records.all(&["path"]).count(), 2);
        assert_eq!(records.attributes(), [(b"a".to_vec(), b"\n=".to_vec())]);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let cases: [&[u8]; 9] = [
            b"x",
            b"6 a=b",
            b"7 a=b\n",
            b"5 a=b\n",
            b"-6 a=b\n",
            b"6 abc\n",
            b"0 \n",
            b"2 ",
            b"99999999999999999999 a=b\n",
        ];
        for damaged in cases {
            assert!(Records::default().add(damaged).is_err(), "{}", damaged.escape_ascii());
        }
        let mut records = Records::default();
        records.add(b"11 size=-1\n").unwrap();
        assert!(records.number("size").is_err());
    }

    #[test]
    fn times_have_a_fraction_and_a_sign() {
        assert_eq!(time(b"12"), Some((12, 0)));
        assert_eq!(time(b"12.25"), Some((12, 250_000_000)));
        assert_eq!(time(b"12.1234567891"), Some((12, 123_456_789)));
        assert_eq!(time(b"-1.5"), Some((-2, 500_000_000)));
        for wrong in [&b"x"[..], b"1.x", b"", b"1.-5", b"\xff"] {
            assert_eq!(time(wrong), None);
        }
    }
}
