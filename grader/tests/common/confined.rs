//! Graders in small surroundings.
