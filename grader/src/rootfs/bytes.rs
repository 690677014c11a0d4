//! Numbers of bytes, as a person reads and types them.

/// A number of bytes for a person: `4 GiB`, `1.5 GiB`, `300 KiB`.
pub fn size_in_words(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        let tenths = (u128::from(bytes) * 10) >> shift;
        if tenths >= 10 {
            return match tenths % 10 {
                0 => format!("{} {unit}", tenths / 10),
                _ if tenths >= 100 => format!("{} {unit}", tenths / 10),
                rest => format!("{}.{rest} {unit}", tenths / 10),
            };
        }
    }
    format!("{bytes} bytes")
}

/// A size as a person types it: a number of bytes, or one with `K`, `M`, `G` or `T`, powers of 1024.
///
/// # Errors
/// Anything else.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size: a number, alone for bytes or with K, M, G or T");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "k" | "KiB" => 10,
        "M" | "m" | "MiB" => 20,
        "G" | "g" | "GiB" => 30,
        "T" | "t" | "TiB" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|size| *size > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [("1", 1), ("300M", 300 << 20), ("2G", 2 << 30), ("1k", 1024), ("3GiB", 3 << 30)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "0", "G", "-1", "1.5G", "1 G", "99999999999T", "1x", "1\u{e9}"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        for (bytes, words) in
            [(10, "10 bytes"), (1024, "1 KiB"), (1536 << 20, "1.5 GiB"), (300 << 20, "300 MiB")]
        {
            assert_eq!(size_in_words(bytes), words);
        }
        assert_eq!(size_in_words(u64::MAX), "17179869183 GiB");
    }
}
