//! A trial: one target and one check, or the works checks together. It stands up a decoy host, starts the target
//! in it, and brings back facts. It judges nothing.
//!
//! # Layout
//! - [`attempt`](mod@attempt): one attempt, whose system calls the host makes. [`facts`]: what it brings back.
//! - [`attacker`]: how they are made. [`freeze`]: nothing else moves meanwhile.
//! - [`session`]: one start of the target.
//! - [`observe`]: what the host reads of a process from outside. [`look`]: what it sees of itself.
//! - [`hostile`]: a root file system with a hostile link, and a program that refuses it.
//! - [`stakes`]: whether what is at stake is whole. [`terminal`]: the caller's terminal.
//! - [`requirements`]: what an attempt needs. [`evidence`]: what was seen, in words.
//! - [`group`]: the control group that a container is put into.
//! - [`memory`]: what it takes, where no group limits it.
//! - [`not_started`]: why no command was found, and what the program said.
//! - [`shared`]: a decoy that serves for more than one trial.
//! - [`works`]: the two starts that the works checks share.

pub mod attacker;
pub mod attempt;
pub mod evidence;
pub mod facts;
pub mod freeze;
pub mod group;
pub mod hostile;
pub mod look;
pub mod memory;
pub mod not_started;
pub mod observe;
pub mod requirements;
pub mod session;
pub mod shared;
pub mod stakes;
pub mod terminal;
pub mod works;

pub use attempt::attempt;
pub use facts::{Facts, SeenCall};

use crate::decoy::disk::Disk;
use crate::decoy::ext4::Ext4;
use crate::decoy::groups::Groups;
use crate::decoy::hierarchy::Hierarchy;
use crate::decoy::start::{Program, Streams};
use crate::decoy::{Decoy, Plan};
use crate::random::random_word;
use crate::report::DecoyKind;
use crate::target::{Target, What};
use anyhow::Result;
use attacker::command::Command;
use attempts::attempts::Need;
use attempts::rules::Rules;
use nix::fcntl::Flock;
use nix::sys::signalfd::SignalFd;
use shared::Shared;
use std::cell::OnceCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every trial of a worker needs.
pub struct Stage {
    /// An empty directory of the grader's own to mount on.
    pub directory: PathBuf,
    /// The root file system that is copied into each decoy.
    pub rootfs: PathBuf,
    /// The victim's program.
    pub victim: PathBuf,
    /// The command that is started for an attempt by the host's hand: that of the root file system, and the machine's.
    pub commands: [std::result::Result<Command, String>; 2],
    /// The worker's control groups.
    pub groups: Groups,
    /// A hierarchy of control groups that is there to be attacked.
    pub hierarchy: Hierarchy,
    /// The decoy disk, or why there is none.
    pub disk: std::result::Result<Disk, String>,
    /// An ext4 file system, made when it is first needed, or why there is none.
    pub ext4: OnceCell<std::result::Result<Ext4, String>>,
    /// SIGCHLD as a descriptor.
    pub children: SignalFd,
    /// How long a trial may take.
    pub limit: Duration,
    /// The rules that are in force.
    pub rules: Rules,
    /// The decoy of the last trial, if it may serve for the next one.
    pub shared: Shared,
    /// By which others see that the groups are in use.
    pub _locks: Vec<Flock<File>>,
}

impl Stage {
    /// A new decoy host for a target.
    fn decoy(&self, target: &Target, needs: &[Need]) -> Result<Decoy> {
        let ext4 = needs.contains(&Need::Ext4Volume).then(|| self.ext4(target.decoy).ok()).flatten();
        let image = hostile::link(needs);
        // There is one place to mount on: what was kept ends, or goes into this one.
        let ground = self.shared.take_ground(target).filter(|_| ext4.is_none() && image.is_none());
        let plan = Plan {
            kind: target.decoy,
            rootfs: &self.rootfs,
            victim: &self.victim,
            files: &target.files,
            cwd: Path::new(&target.cwd),
            stage: &self.directory,
            disk: self.disk.as_ref().ok(),
            ext4,
            image,
            groups: &self.groups,
        };
        Decoy::make(&plan, ground)
    }

    /// The ext4 file system, or why there is none.
    fn ext4(&self, kind: DecoyKind) -> std::result::Result<&Ext4, String> {
        if kind != DecoyKind::Root {
            return Err("it can be judged in a decoy host of the root kind only".into());
        }
        // Beside the decoy's root, on the worker's own tmpfs.
        let scratch = self.directory.parent().unwrap_or(&self.directory);
        let made = self.ext4.get_or_init(|| Ext4::make(scratch).map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(Clone::clone)
    }

    /// The target with an ordinary program as its command, which waits for its input.
    fn ordinary(
        &self,
        target: &Target,
        decoy: &Decoy,
        streams: Streams,
        needs: &[Need],
    ) -> Result<(Program, &Command)> {
        let [of_rootfs, of_machine] = &self.commands;
        let command = if target.what == What::Bare { of_machine } else { of_rootfs };
        let command = command.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
        let program = Program {
            argv: target.argv(&command.words(), &random_word(8)?),
            cwd: target.cwd.clone(),
            streams,
            watched: false,
            environment: vec![format!("DECOY_TOKEN={}", decoy.secrets.at("environment"))],
            leak_root: needs.contains(&Need::LeakedDescriptor),
            ambient: needs.contains(&Need::AmbientCapabilities),
            datagrams: needs.contains(&Need::Datagrams),
            in_user_namespace: target.decoy == DecoyKind::User,
        };
        Ok((program, command))
    }
}
