//! Gathers the files of each tool, weighs them, and gives each its place in the rootfs.

use super::directories::defaults;
use super::elf::{Elf, ElfKind};
use super::fixed;
use super::loader::{Loader, Missing, Needed};
use super::root::Root;
use super::tools::{LeftOut, LeftOutReason, TOOLS};
use nix::sys::stat::FileStat;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// How many bytes one tool may cost, each file's size shared among the tools that need it. A `ps` that brings
/// libsystemd along costs 4 MB; a busybox costs each of its tools a fiftieth.
const DEAREST: u64 = 1_000_000;

/// A file, whatever its name: device and inode.
type Id = (u64, u64);

/// A file to copy. One file of the machine is copied once; its other names become links.
#[derive(Debug)]
pub(super) struct Input {
    pub from: PathBuf,
    pub to: PathBuf,
    pub stat: FileStat,
}

/// A tool that could go in.
pub(super) struct Candidate {
    pub name: String,
    files: Vec<Needed>,
    ids: HashSet<Id>,
}

/// Looks programs up, and remembers what was seen.
pub(super) struct Gather<'m> {
    machine: &'m Root,
    loader: Loader<'m>,
    /// The directory of the C library.
    home: Option<PathBuf>,
    /// Where each program lies in the rootfs.
    programs: HashMap<Id, PathBuf>,
    stats: HashMap<Id, FileStat>,
    /// Every file by its name on the machine.
    ids: HashMap<PathBuf, Id>,
}

impl<'m> Gather<'m> {
    pub(super) fn new(machine: &'m Root, kind: ElfKind) -> Gather<'m> {
        let mut loader = Loader::of(machine);
        let home = loader.home(kind);
        let (programs, stats, ids) = (HashMap::new(), HashMap::new(), HashMap::new());
        Gather { machine, loader, home, programs, stats, ids }
    }

    /// The program, if all that it needs is there.
    pub(super) fn candidate(&mut self, name: &str, from: &Path) -> Result<Candidate, LeftOutReason> {
        let file = self.machine.file(from).map_err(LeftOutReason::Unreadable)?;
        let elf = Elf::read(&file).ok().flatten().ok_or(LeftOutReason::NotElf)?;
        let id = self.know(from).map_err(LeftOutReason::Unreadable)?;
        let to = self.own_place(name, id, &self.file_name(from, &file));
        let real = self.machine.real_path(&file).unwrap_or_else(|| from.to_owned());
        let program = Needed { from: real, to };
        let lacks = |missing: Missing| LeftOutReason::Lacks(missing.to_string());
        let needs = self.loader.needs(&program, &elf, self.home.as_deref()).map_err(lacks)?;

        let mut files = vec![Needed { from: from.to_owned(), to: program.to }];
        files.extend(needs);
        let ids = files.iter().map(|file| self.know(&file.from)).collect::<nix::Result<_>>();
        Ok(Candidate { name: name.to_owned(), ids: ids.map_err(LeftOutReason::Unreadable)?, files })
    }

    /// A program of many names (busybox) keeps its own, the names become links to it: it looks at the name that it
    /// was started by. Its own name must not be that of a tool, which may be another file.
    fn own_place(&mut self, name: &str, id: Id, file_name: &str) -> PathBuf {
        let of_tool = TOOLS.contains(&file_name) || file_name == "sh";
        let mut place = Path::new("/bin").join(if of_tool { name } else { file_name });
        if self.programs.iter().any(|(other, taken)| *other != id && *taken == place) {
            place = Path::new("/bin").join(name);
        }
        self.programs.entry(id).or_insert(place).clone()
    }

    fn know(&mut self, path: &Path) -> nix::Result<Id> {
        if let Some(id) = self.ids.get(path) {
            return Ok(*id);
        }
        let stat = self.machine.stat(path)?;
        let id = (stat.st_dev, stat.st_ino);
        self.stats.insert(id, stat);
        self.ids.insert(path.to_owned(), id);
        Ok(id)
    }

    /// The name of the file itself, behind the links.
    pub(super) fn file_name(&self, path: &Path, file: &File) -> String {
        let real = self.machine.real_path(file).unwrap_or_else(|| path.to_owned());
        real.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Takes out, one after the other, what costs too much: each that goes leaves the rest with a larger share.
    pub(super) fn leave_out(&self, chosen: &mut Vec<Candidate>) -> Vec<LeftOut> {
        let mut left_out = Vec::new();
        while let Some((at, bytes)) = self.dearest(chosen) {
            let name = chosen.remove(at).name;
            left_out.push(LeftOut { name, why: LeftOutReason::TooLarge(bytes) });
        }
        left_out
    }

    /// The tool that costs most, if that is too much. The first, the shell, is needed, and so costs nothing, as do
    /// its libraries.
    fn dearest(&self, chosen: &[Candidate]) -> Option<(usize, u64)> {
        let (shell, tools) = chosen.split_first()?;
        let mut users: HashMap<Id, u64> = HashMap::new();
        for id in tools.iter().flat_map(|tool| &tool.ids) {
            *users.entry(*id).or_default() += 1;
        }
        let price = |tool: &Candidate| {
            let own = tool.ids.difference(&shell.ids);
            own.map(|id| self.stats[id].st_size as u64 / users[id]).sum::<u64>()
        };
        let prices = tools.iter().enumerate().map(|(at, tool)| (at + 1, price(tool)));
        prices.max_by_key(|(_, bytes)| *bytes).filter(|(_, bytes)| *bytes > DEAREST)
    }

    /// Gives each chosen file its place: the files, and the links.
    pub(super) fn place(&self, chosen: &[Candidate]) -> (Vec<Input>, Vec<(PathBuf, PathBuf)>) {
        let aliases = self.aliases();
        let mut files: Vec<Input> = Vec::new();
        let mut links = aliases.clone();
        let mut taken: HashSet<PathBuf> = HashSet::new();
        let mut first: HashMap<Id, PathBuf> = HashMap::new();
        let name = |tool: &Candidate| Path::new("/bin").join(&tool.name);
        let names = chosen.iter().map(|tool| Needed { from: tool.files[0].from.clone(), to: name(tool) });
        for Needed { from, to } in chosen.iter().flat_map(|tool| tool.files.iter().cloned()).chain(names) {
            let (to, id) = (settled(&to, &aliases), self.ids[&from]);
            // Two libraries of one name at one place: the first one counts, as it does for the loader.
            if !taken.insert(to.clone()) {
                continue;
            }
            match first.get(&id) {
                Some(file) => links.push((to, file.clone())),
                None => {
                    first.insert(id, to.clone());
                    files.push(Input { from, to, stat: self.stats[&id] });
                }
            }
        }
        (files, links)
    }

    /// The directory of the C library under its other names. Which of them the loader looks in was decided when
    /// it was built, so all that are one directory on the machine are one in the rootfs.
    fn aliases(&self) -> Vec<(PathBuf, PathBuf)> {
        let id = |path: &Path| self.machine.stat(path).ok().map(|stat| (stat.st_dev, stat.st_ino));
        let Some((home, home_id)) = self.home.as_ref().and_then(|home| Some((home, id(home)?))) else {
            return Vec::new();
        };
        let mut others = defaults();
        others.retain(|path| path != home && id(path) == Some(home_id));
        others.into_iter().map(|path| (path, home.clone())).collect()
    }
}

/// The path without the links of the rootfs.
fn settled(path: &Path, aliases: &[(PathBuf, PathBuf)]) -> PathBuf {
    let fixed = fixed::LINKS.iter().map(|(link, _)| (Path::new("/").join(link), PathBuf::from("/bin")));
    for (link, target) in fixed.chain(aliases.iter().cloned()) {
        if let Ok(rest) = path.strip_prefix(&link) {
            return target.join(rest);
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::fake::Program;
    use crate::rootfs::inputs::Inputs;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    const LOADER: &str = "/lib64/ld.so";

    /// A machine on which all libraries are in /usr/lib, and /bin, /lib and /lib64 are links.
    fn machine() -> TempDir {
        let machine = tempfile::tempdir().unwrap();
        for directory in ["usr/bin", "usr/lib"] {
            fs::create_dir_all(machine.path().join(directory)).unwrap();
        }
        for (link, target) in
            [("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib"), ("usr/lib64", "lib")]
        {
            symlink(target, machine.path().join(link)).unwrap();
        }
        add(&machine, "lib/ld.so", &[], 1);
        add(&machine, "lib/libc.so.6", &["ld.so"], 2);
        add(&machine, "bin/dash", &["libc.so.6"], 1);
        symlink("dash", machine.path().join("bin/sh")).unwrap();
        machine
    }

    /// A program or library that is so many MB long, most of it a hole.
    fn add(machine: &TempDir, path: &str, needed: &[&str], megabytes: u64) {
        let interpreter = path.starts_with("bin").then_some(LOADER);
        let path = machine.path().join(path);
        fs::write(&path, Program { interpreter, needed, ..Default::default() }.bytes()).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(megabytes * 1_000_000).unwrap();
    }

    fn inputs(machine: &TempDir) -> Inputs {
        Inputs::of(&Root::at(machine.path()).unwrap()).unwrap()
    }

    #[test]
    fn one_directory_of_many_names_stays_one() {
        let inputs = inputs(&machine());
        let files: Vec<_> = inputs.files.iter().map(|file| file.to.to_str().unwrap()).collect();
        assert_eq!(files, ["/bin/dash", LOADER, "/lib64/libc.so.6"]);
        let links: Vec<_> =
            inputs.links.iter().map(|(link, to)| [link, to].map(|p| p.to_str().unwrap())).collect();
        let home = "/lib64";
        let aliases = [["/usr/lib64", home], ["/lib", home], ["/usr/lib", home]];
        assert_eq!(links, [&aliases[..], &[["/bin/sh", "/bin/dash"]]].concat());
    }

    #[test]
    fn what_costs_too_much_is_left_out() {
        let machine = machine();
        add(&machine, "lib/libbig.so", &["libc.so.6"], 4);
        add(&machine, "bin/ps", &["libbig.so"], 1);
        add(&machine, "bin/kill", &["libbig.so"], 1);
        add(&machine, "bin/cat", &["libc.so.6", "libgone.so"], 1);
        let inputs = inputs(&machine);
        assert_eq!(inputs.tools, ["sh"]);
        let why = |name: &str| inputs.left_out.iter().find(|tool| tool.name == name).map(|tool| &tool.why);
        assert!(matches!(why("ps"), Some(LeftOutReason::TooLarge(2_000_000..))), "{:?}", why("ps"));
        assert!(matches!(why("kill"), Some(LeftOutReason::TooLarge(2_000_000..))), "{:?}", why("kill"));
        assert_eq!(why("cat").unwrap().to_string(), r#"lacks "libgone.so", which "/usr/bin/cat" needs"#);
        assert_eq!(why("ls"), Some(&LeftOutReason::Absent));
    }

    #[test]
    fn a_large_program_of_many_names_is_shared_by_them() {
        let machine = machine();
        add(&machine, "bin/cat", &["libc.so.6"], 11);
        for name in &TOOLS[1..20] {
            fs::hard_link(machine.path().join("bin/cat"), machine.path().join("bin").join(name)).unwrap();
        }
        let inputs = inputs(&machine);
        assert_eq!(inputs.tools.len(), 21);
        assert!(inputs.links.contains(&("/bin/ls".into(), "/bin/cat".into())));
        assert_eq!(inputs.bytes(), 15_000_000);
    }
}
