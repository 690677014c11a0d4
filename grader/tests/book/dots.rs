//! What a page shows of an output, against the output: a line `...` stands for any lines, `...` within a line for any
//! text.

/// Whether these lines are what the page shows.
pub fn fits(shown: &[String], real: &[&str]) -> bool {
    match shown.split_first() {
        None => real.is_empty(),
        Some((first, rest)) if first == "..." => (0..=real.len()).any(|skipped| fits(rest, &real[skipped..])),
        Some((first, rest)) => {
            real.split_first().is_some_and(|(line, others)| fits_line(first, line) && fits(rest, others))
        }
    }
}

/// The same of one line. What is shown of it may end in less space than it has.
fn fits_line(shown: &str, real: &str) -> bool {
    match shown.split_once("...") {
        None => shown.trim_end() == real.trim_end(),
        Some((begin, rest)) => real.strip_prefix(begin).is_some_and(|real| {
            let places = real.char_indices().map(|(place, _)| place).chain([real.len()]);
            places.into_iter().any(|place| fits_line(rest, &real[place..]))
        }),
    }
}

#[test]
fn dots_stand_for_what_differs_and_for_nothing_else() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (page, real) in [("", ""), ("a", "a"), ("a\n...\nd", "a\nb\nc\nd"), ("...", ""), ("a ... c", "a b c")]
    {
        assert!(fits(&shown(page), &real.lines().collect::<Vec<_>>()), "{page:?} {real:?}");
    }
    for (page, real) in
        [("", "a"), ("a", ""), ("a", "b"), ("a\n...\nd", "a\nb"), ("a ... c", "a b"), ("...\nb", "a")]
    {
        assert!(!fits(&shown(page), &real.lines().collect::<Vec<_>>()), "{page:?} {real:?}");
    }
}
