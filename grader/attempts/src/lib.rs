//! The escape attempts.
