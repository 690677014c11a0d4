//! `grader`: runs real escape attempts inside a container.
fn main() {}
