//! What a trial is of, and what its host knows before.

use crate::decoy::Decoy;
use crate::random::random_word;
use crate::target::Target;
use crate::trial::Stage;
use anyhow::Result;
use attempts::Host;
use attempts::attempts::Attempt;

/// The inode of the top directory of an ext4: fs/ext4/ext4.h.
const EXT4_ROOT_INO: u64 = 2;

/// One attempt in one decoy.
pub struct Trial<'a> {
    /// Where it takes place.
    pub stage: &'a Stage,
    /// What is aimed at.
    pub target: &'a Target,
    /// The attempt.
    pub attempt: &'a Attempt,
    /// The host.
    pub decoy: &'a Decoy,
}

impl Trial<'_> {
    /// What the host knows before.
    pub fn host(&self) -> Result<Host> {
        let Trial { stage, decoy, .. } = self;
        let mut host = Host {
            mark: random_word(24)?,
            disk: stage.disk.as_ref().ok().map(|disk| disk.nonce.as_bytes().to_vec()),
            namespaces: decoy.ready.namespaces.clone(),
            secrets: decoy.secrets.words.clone(),
            disk_number: stage.disk.as_ref().ok().map(|disk| disk.device.device_number()),
            stakes: decoy.stakes.numbers(),
            root_uid: decoy.root_id(),
            rules: stage.rules,
            ..Host::default()
        };
        if let Some(Ok(ext4)) = stage.ext4.get() {
            host.secrets.insert("ext4".into(), ext4.word.clone());
            host.stakes.insert("ext4".into(), vec![(ext4.number(), EXT4_ROOT_INO)]);
        }
        host.stakes.insert("root".into(), vec![decoy.ready.root]);
        Ok(host)
    }
}
