//! The names that most steps of the labs use.
//!
//! A file takes all of them at once, `use common::prelude::*;`, and the compiler is content while it uses one. So a lab
//! compiles without a warning whichever of its steps are out. What only one step uses, that step imports, or names by
//! its full path.

pub use crate::error::{Result, Step};
pub use crate::optional::Optional;
pub use nix::mount::{MsFlags, mount};

/// `mount(2)` takes strings that may be absent; `None` alone has no type.
pub const NONE: Option<&str> = None;
