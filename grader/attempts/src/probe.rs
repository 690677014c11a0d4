//! The program that runs the inside half of a check.
fn main() {}
