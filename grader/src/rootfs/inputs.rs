//! Which files of the machine make the embedded rootfs, and where each of them goes.

use super::elf::{Elf, Kind};
use super::fixed;
use super::loader::{Loader, Missing, Needed, defaults};
use super::root::Root;
use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::sys::stat::FileStat;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// The programs that the rootfs has where the machine has them, beside the shell. No more than these: the rootfs
/// is copied into memory for each trial.
#[rustfmt::skip]
pub const TOOLS: &[&str] = &[
    "cat", "ls", "cp", "mv", "rm", "mkdir", "rmdir", "ln", "echo", "printf", "true", "false", "test", "sleep", "id",
    "env", "pwd", "head", "tail", "wc", "tr", "sort", "uniq", "cut", "grep", "sed", "touch", "chmod", "chown", "stat",
    "readlink", "dd", "df", "du", "ps", "kill", "hostname", "mount", "umount", "uname", "date", "tty", "mknod", "find",
    "xargs", "seq", "tee", "sync",
];

/// Where programs are looked for; the last one is NixOS's.
const PATH: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/run/current-system/sw/bin"];

/// How many bytes one tool may cost, each file's size shared among the tools that need it. A `ps` that brings
/// libsystemd along costs 2 MB and more; a busybox costs each of its tools a fiftieth.
const DEAREST: u64 = 1_200_000;

/// A tool that the rootfs does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The tool.
    pub name: String,
    /// The reason.
    pub why: Why,
}

/// Why a tool is not in the embedded rootfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The machine has no such program.
    Absent,
    /// It can't be read; the system's reason.
    Unreadable(Errno),
    /// It is a script, or nothing that can be run.
    NotElf,
    /// A library, or the loader, is not where the loader looks.
    Lacks(String),
    /// It and the libraries that it alone needs are too large; the bytes.
    TooLarge(u64),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Absent => write!(f, "this machine has none"),
            Why::Unreadable(reason) => write!(f, "can't be read: {}", reason.desc()),
            Why::NotElf => write!(f, "is no ELF program"),
            Why::Lacks(what) => write!(f, "lacks {what}"),
            Why::TooLarge(bytes) => write!(f, "costs {} KiB with its libraries", bytes / 1024),
        }
    }
}

/// A file to copy. One file of the machine is copied once; its other names become links.
#[derive(Debug)]
pub(super) struct Input {
    pub from: PathBuf,
    pub to: PathBuf,
    pub stat: FileStat,
}

/// All that the rootfs is made from. Paths in the rootfs are absolute there and go through none of its links.
#[derive(Debug)]
pub(super) struct Inputs {
    pub shell: String,
    pub tools: Vec<String>,
    pub left_out: Vec<LeftOut>,
    pub files: Vec<Input>,
    /// Link and target, both as seen inside; directories first.
    pub links: Vec<(PathBuf, PathBuf)>,
}

/// A file, whatever its name: device and inode.
type Id = (u64, u64);

/// A tool that could go in.
struct Candidate {
    name: String,
    files: Vec<Needed>,
    ids: HashSet<Id>,
}

impl Inputs {
    /// Looks at the machine. Takes some milliseconds: only headers are read.
    pub(super) fn of(machine: &Root) -> Result<Inputs> {
        let no_shell = "the embedded root file system needs the machine's shell";
        let shell = real_shell(machine).context(no_shell)?;
        let mut search = Gather::new(machine, shell.kind);
        let mut chosen = vec![
            search.candidate("sh", &shell.from).map_err(|why| anyhow!("/bin/sh {why}")).context(no_shell)?,
        ];
        let mut left_out = Vec::new();
        for &name in TOOLS {
            let found = tool(machine, name).and_then(|from| search.candidate(name, &from));
            match found {
                Ok(candidate) => chosen.push(candidate),
                Err(why) => left_out.push(LeftOut { name: name.to_owned(), why }),
            }
        }
        while let Some((at, bytes)) = dearest(&chosen, &search.stats) {
            let name = chosen.remove(at).name;
            left_out.push(LeftOut { name, why: Why::TooLarge(bytes) });
        }
        Ok(search.place(&shell.name, &chosen, left_out))
    }

    /// The size of the files, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.stat.st_size as u64).sum()
    }

    /// A name for this rootfs: changes when any of the files does, or what is made of them.
    pub(super) fn key(&self) -> String {
        use fmt::Write;
        let mut text = format!("{FORMAT} {:?} {:?} {:?}", fixed::DIRECTORIES, fixed::LINKS, fixed::ETC);
        for Input { from, to, stat } in &self.files {
            let time = (stat.st_mtime, stat.st_mtime_nsec);
            let _ = write!(text, " {from:?} {to:?} {} {} {time:?}", stat.st_ino, stat.st_size);
        }
        let _ = write!(text, " {:?}", self.links);
        format!("{:032x}", fnv(text.as_bytes()))
    }
}

/// Goes up when the same inputs are written in another way.
const FORMAT: u32 = 1;

/// FNV-1a, 128 bits. It guards against accidents only; who can write in the cache needs no collision.
fn fnv(bytes: &[u8]) -> u128 {
    let start = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    let prime = 0x0000_0000_0100_0000_0000_0000_0000_013b_u128;
    bytes.iter().fold(start, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(prime))
}

struct Shell {
    name: String,
    from: PathBuf,
    kind: Kind,
}

fn real_shell(machine: &Root) -> Result<Shell> {
    let from = PathBuf::from("/bin/sh");
    let file = machine.file(&from).context("cannot read /bin/sh")?;
    let elf = Elf::read(&file).context("cannot read the ELF headers of /bin/sh")?;
    let elf = elf.context("/bin/sh is no ELF program: make it a link to dash, bash or busybox")?;
    Ok(Shell { name: file_name(machine, &from, &file), from, kind: elf.kind })
}

/// The name of the file itself, behind the links.
fn file_name(machine: &Root, path: &Path, file: &std::fs::File) -> String {
    let real = machine.real_path(file).unwrap_or_else(|| path.to_owned());
    real.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first program of this name on the path.
fn tool(machine: &Root, name: &str) -> Result<PathBuf, Why> {
    let paths = PATH.iter().map(|directory| Path::new(directory).join(name));
    paths.into_iter().find(|path| machine.stat(path).is_ok()).ok_or(Why::Absent)
}

/// Looks programs up, and remembers what was seen.
struct Gather<'m> {
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
    fn new(machine: &'m Root, kind: Kind) -> Gather<'m> {
        let mut loader = Loader::of(machine);
        let home = loader.home(kind);
        let (programs, stats, ids) = (HashMap::new(), HashMap::new(), HashMap::new());
        Gather { machine, loader, home, programs, stats, ids }
    }

    /// The program, if all that it needs is there.
    fn candidate(&mut self, name: &str, from: &Path) -> Result<Candidate, Why> {
        let file = self.machine.file(from).map_err(Why::Unreadable)?;
        let elf = Elf::read(&file).ok().flatten().ok_or(Why::NotElf)?;
        let id = self.know(from).map_err(Why::Unreadable)?;
        let to = self.own_place(name, id, &file_name(self.machine, from, &file));
        let real = self.machine.real_path(&file).unwrap_or_else(|| from.to_owned());
        let program = Needed { from: real, to };
        let lacks = |missing: Missing| Why::Lacks(missing.to_string());
        let needs = self.loader.needs(&program, &elf, self.home.as_deref()).map_err(lacks)?;

        let mut files = vec![Needed { from: from.to_owned(), to: program.to }];
        files.extend(needs);
        let ids = files.iter().map(|file| self.know(&file.from)).collect::<nix::Result<_>>();
        Ok(Candidate { name: name.to_owned(), ids: ids.map_err(Why::Unreadable)?, files })
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

    /// Gives each chosen file its place.
    fn place(self, shell: &str, chosen: &[Candidate], left_out: Vec<LeftOut>) -> Inputs {
        let aliases = self.aliases();
        let mut files: Vec<Input> = Vec::new();
        let mut links = aliases.clone();
        let mut taken: BTreeMap<PathBuf, Id> = BTreeMap::new();
        let mut first: HashMap<Id, PathBuf> = HashMap::new();
        let names = chosen
            .iter()
            .map(|tool| Needed { from: tool.files[0].from.clone(), to: Path::new("/bin").join(&tool.name) });
        let all = chosen.iter().flat_map(|tool| tool.files.iter().cloned()).chain(names);
        for Needed { from, to } in all {
            let (to, id) = (settled(&to, &aliases), self.ids[&from]);
            // Two libraries of one name at one place: the first one counts, as it does for the loader.
            if taken.contains_key(&to) {
                continue;
            }
            taken.insert(to.clone(), id);
            match first.get(&id) {
                Some(file) => links.push((to, file.clone())),
                None => {
                    first.insert(id, to.clone());
                    files.push(Input { from, to, stat: self.stats[&id] });
                }
            }
        }
        let tools = chosen.iter().map(|tool| tool.name.clone()).collect();
        Inputs { shell: shell.to_owned(), tools, left_out, files, links }
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

/// The tool that costs most, if that is too much. The shell is needed, and so costs nothing, as do its libraries.
fn dearest(chosen: &[Candidate], stats: &HashMap<Id, FileStat>) -> Option<(usize, u64)> {
    let (shell, tools) = chosen.split_first()?;
    let mut users: HashMap<Id, u64> = HashMap::new();
    for id in tools.iter().flat_map(|tool| &tool.ids) {
        *users.entry(*id).or_default() += 1;
    }
    let price = |tool: &Candidate| {
        let own = tool.ids.difference(&shell.ids);
        own.map(|id| stats[id].st_size as u64 / users[id]).sum::<u64>()
    };
    let prices = tools.iter().enumerate().map(|(at, tool)| (at + 1, price(tool)));
    prices.max_by_key(|(_, bytes)| *bytes).filter(|(_, bytes)| *bytes > DEAREST)
}
