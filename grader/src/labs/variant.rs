//! Builds a lab from changed source, in a fifth of a second: rustc itself, without cargo and its lock.
//!
//! What does not change (nix, `common`) cargo builds once, in the workspace. A lab and the libraries of the
//! labs before it are then compiled from the [`Source`] at hand. Everything is kept in a cache directory under
//! a name made from what it is made of, so that twenty variants of lab 3 compile lab 1 once. Several threads,
//! and several graders, may use one cache: what appears in it is complete.
//!
//! # Layout
//! - `base`: what cargo builds. `unit`: one lab of one variant. `cache`: what goes again.

mod base;
mod cache;
mod unit;

use crate::labs::expiry;
use crate::labs::process::Stop;
use crate::labs::steps::Source;
use anyhow::{Context, Result};
use base::Base;
use nix::fcntl::Flock;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use unit::{Emit, Unit};

/// Where variants are built.
#[derive(Debug)]
pub struct Workshop {
    cache: PathBuf,
    base: Base,
    links_static: OnceLock<bool>,
    stop: Stop,
    /// By which others see that the cache is in use.
    _lock: Option<Flock<File>>,
}

impl Workshop {
    /// Builds with cargo what the labs of `workspace` stand on. `cache` is made where it is missing, and swept if nobody
    /// uses it; who chose it removes it.
    ///
    /// # Errors
    /// What cargo or the system said.
    pub fn open(workspace: &Path, cache: &Path) -> Result<Workshop> {
        fs::create_dir_all(cache).with_context(|| cache.display().to_string())?;
        let cache = cache.canonicalize().with_context(|| cache.display().to_string())?;
        let lock = cache::join(&cache)?;
        Ok(Workshop {
            cache,
            _lock: lock,
            base: Base::build(workspace)?,
            links_static: OnceLock::new(),
            stop: Stop::default(),
        })
    }

    /// Checks that library and program of `lab` compile, under the workspace's lints and without a warning.
    ///
    /// # Errors
    /// What rustc printed.
    pub fn check(&self, source: &Source, lab: &str) -> Result<()> {
        Unit::new(self, source, lab, Emit::Metadata)?.program(&[]).map(drop)
    }

    /// Builds the program of `lab`, static where that links, and gives its path in the cache. Warnings are
    /// nobody's concern here.
    ///
    /// # Errors
    /// What rustc printed.
    pub fn build(&self, source: &Source, lab: &str) -> Result<PathBuf> {
        let flags: &[_] = if self.links_static() { &[STATIC] } else { &[] };
        Unit::new(self, source, lab, Emit::Program)?.program(flags)
    }

    /// Ends the builds that are under way, in whatever thread; later ones fail.
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// Whether a static program can be linked here: that needs the C library's `libc.a`. That it can is kept in the
    /// cache.
    fn links_static(&self) -> bool {
        *self.links_static.get_or_init(|| {
            let kept = self.cache.join(format!("static-{}", self.base.key));
            if kept.exists() {
                expiry::touch(&kept);
                return true;
            }
            let dir = self.cache.join(format!("{}static-{}", cache::UNFINISHED, process::id()));
            let main = dir.join("main.rs");
            let links = fs::create_dir_all(&dir).is_ok()
                && fs::write(&main, "fn main() {}\n").is_ok()
                && self.base.rustc(&dir, [STATIC, "main.rs"], &self.stop).is_ok();
            let _ = fs::remove_dir_all(&dir);
            if links {
                // Else it is tried again the next time.
                let _ = fs::write(kept, "");
            }
            links
        })
    }
}

const STATIC: &str = "-Ctarget-feature=+crt-static";
