//! The keys: what a person can ask for.

/// What a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The next hint for the step.
    Hint,
    /// What the check is about.
    Explain,
    /// The check, slowly.
    Try,
    /// What the compiler said.
    Messages,
    /// The keys.
    Help,
    /// Build and grade once more.
    Rerun,
    /// End the build that is under way.
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
    /// The key that a letter stands for.
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
