//! The keys of the watch.

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The next hint for the current step.
    Hint,
    /// Explain the selected check.
    Explain,
    /// Run the selected check and explain it.
    Try,
    /// The compiler's messages.
    Messages,
    /// The list of keys.
    Help,
    /// Build and grade again.
    Rerun,
    /// Stop the running build.
    Stop,
    /// The next lab.
    Next,
    /// The lab before.
    Previous,
    /// Back to the board.
    Back,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first line.
    Top,
    /// To the last line.
    Bottom,
    /// End the watch.
    Quit,
}

impl Key {
    /// The meaning of a letter.
    pub fn of(letter: char) -> Option<Key> {
        Some(match letter {
            'h' => Key::Hint,
            'e' => Key::Explain,
            't' => Key::Try,
            'm' => Key::Messages,
            '?' => Key::Help,
            'r' => Key::Rerun,
            's' => Key::Stop,
            'n' => Key::Next,
            'p' => Key::Previous,
            'b' => Key::Back,
            'k' => Key::Up,
            'j' => Key::Down,
            'g' => Key::Top,
            'G' => Key::Bottom,
            ' ' => Key::PageDown,
            'q' => Key::Quit,
            _ => return None,
        })
    }
}
