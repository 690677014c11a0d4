//! What of an archive is not as it was, counted; and what came with it that gives rights.

use super::item::shown;
use std::collections::BTreeMap;

/// Counts of what was left out or changed.
#[derive(Debug, Default)]
pub struct Lost {
    /// Files whose owner could not be given.
    pub owners: usize,
    /// Set-user-ID and set-group-ID programs that are ordinary ones now, since their owner is another.
    pub set_ids: usize,
    /// Device nodes, which only root can make.
    pub nodes: usize,
    /// Sockets: nobody listens on them.
    pub sockets: usize,
    /// Files without their capabilities.
    pub capabilities: usize,
    /// Other attributes, by name.
    pub attributes: BTreeMap<Vec<u8>, usize>,
    /// What came along and gives rights to whoever can reach it.
    pub kept: Kept,
}

/// Files that give rights to whoever can reach them.
#[derive(Debug, Default)]
pub struct Kept {
    /// Set-user-ID and set-group-ID programs.
    pub set_ids: usize,
    /// Device nodes.
    pub nodes: usize,
    /// Programs with capabilities.
    pub capabilities: usize,
}

impl Lost {
    /// Counts an attribute.
    pub(super) fn attribute(&mut self, name: &[u8]) {
        const MAX_NAMES: usize = 20;
        if self.attributes.len() < MAX_NAMES || self.attributes.contains_key(name) {
            *self.attributes.entry(name.to_vec()).or_default() += 1;
        }
    }

    /// One line for each kind.
    pub fn lines(&self) -> Vec<String> {
        let only_root = "only root can give that";
        let all = [
            (self.owners, format!("the owner of {}: {only_root}", count(self.owners, "file"))),
            (
                self.set_ids,
                format!(
                    "set-user-ID or set-group-ID of {}: its owner is another",
                    count(self.set_ids, "program")
                ),
            ),
            (
                self.capabilities,
                format!("the capabilities of {}: {only_root}", count(self.capabilities, "file")),
            ),
            (self.nodes, format!("{}: only root can make one", count(self.nodes, "device node"))),
            (self.sockets, format!("{}: nobody listens there", count(self.sockets, "socket"))),
        ];
        let counted = all.into_iter().filter(|(count, _)| *count > 0).map(|(_, line)| line);
        let attribute = |(name, times): (&Vec<u8>, &usize)| {
            format!(
                "the attribute {} of {}: it is the kernel's or a security module's",
                shown(name),
                count(*times, "file")
            )
        };
        counted.chain(self.attributes.iter().map(attribute)).collect()
    }
}

impl Kept {
    /// What gives rights, in words; None where nothing does.
    pub fn words(&self) -> Option<String> {
        let all = [
            (self.set_ids, "set-user-ID or set-group-ID program"),
            (self.capabilities, "program with capabilities"),
            (self.nodes, "device node"),
        ];
        let words: Vec<_> = all
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| match *what {
                "program with capabilities" if *number != 1 => format!("{number} programs with capabilities"),
                what => count(*number, what),
            })
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
