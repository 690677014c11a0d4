//! The keys of the watch.

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPress {
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

impl KeyPress {
    /// The meaning of a letter.
    pub fn of(letter: char) -> Option<KeyPress> {
        Some(match letter {
            'h' => KeyPress::Hint,
            'e' => KeyPress::Explain,
            't' => KeyPress::Try,
            'm' => KeyPress::Messages,
            '?' => KeyPress::Help,
            'r' => KeyPress::Rerun,
            's' => KeyPress::Stop,
            'n' => KeyPress::Next,
            'p' => KeyPress::Previous,
            'b' => KeyPress::Back,
            'k' => KeyPress::Up,
            'j' => KeyPress::Down,
            'g' => KeyPress::Top,
            'G' => KeyPress::Bottom,
            ' ' => KeyPress::PageDown,
            'q' => KeyPress::Quit,
            _ => return None,
        })
    }
}
