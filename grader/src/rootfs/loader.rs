//! Where the loader finds what a program needs: ld.so(8), without running it.
//!
//! The loader asks DT_RPATH, DT_RUNPATH, its cache, its default directories, in this order. The cache is made by
//! ldconfig(8) from ld.so.conf and the default directories, so those are read in its place.

use super::directories::all;
use super::elf::{Elf, ElfKind, Search};
use super::root::{Root, lexical};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A loader, with the directories that its root gives it.
pub(super) struct Loader<'r> {
    root: &'r Root,
    directories: Vec<PathBuf>,
    /// A library is needed by many and read once. None: no library, or one that can't be read.
    read: HashMap<PathBuf, Option<Rc<Elf>>>,
}

/// A file that a program needs: where it is, and where the loader will look for it in the rootfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needed {
    pub from: PathBuf,
    pub to: PathBuf,
}

/// What a program needs and the root does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub name: OsString,
    pub needed_by: PathBuf,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, which {:?} needs", self.name, self.needed_by)
    }
}

/// A directory to look in: its name on the machine, and in the rootfs where it moves with `$ORIGIN`.
type SearchDirectory = (PathBuf, PathBuf);

/// A file whose needs are to be found.
struct Object {
    from: PathBuf,
    to: PathBuf,
    elf: Rc<Elf>,
    /// DT_RPATH of those that asked for it.
    inherited: Vec<SearchDirectory>,
}

impl<'r> Loader<'r> {
    pub(super) fn of(root: &'r Root) -> Loader<'r> {
        Loader { root, directories: all(root), read: HashMap::new() }
    }

    /// The directory of the C library: the loader of that library surely looks there, without a cache.
    pub(super) fn home(&mut self, kind: ElfKind) -> Option<PathBuf> {
        let is_libc = |name: &OsString| {
            name == "libc.so.6" || name == "libc.so" || name.as_bytes().starts_with(b"libc.musl-")
        };
        self.directories.clone().into_iter().find(|directory| {
            let names = self.root.names(directory).into_iter().filter(is_libc);
            names.into_iter().any(|name| self.library(&directory.join(name), kind).is_some())
        })
    }

    /// All that the program `from` needs, directly or not, if it is to lie at `to` in a rootfs. What only the
    /// loader's configuration leads to goes to `home`, or stays where it was found.
    pub(super) fn needs(
        &mut self,
        program: &Needed,
        elf: &Elf,
        home: Option<&Path>,
    ) -> Result<Vec<Needed>, Missing> {
        let mut found = Vec::new();
        let mut loaded: HashSet<OsString> = HashSet::new();
        if let Some(path) = &elf.interpreter {
            if self.root.file(path).is_err() {
                return Err(Missing { name: path.into(), needed_by: program.from.clone() });
            }
            // libc needs the loader by its name, but it is loaded already.
            loaded.extend(path.file_name().map(OsStr::to_owned));
            found.push(Needed { from: path.clone(), to: lexical(path) });
        }
        let start = Object {
            from: program.from.clone(),
            to: program.to.clone(),
            elf: Rc::new(elf.clone()),
            inherited: Vec::new(),
        };
        let mut queue = VecDeque::from([start]);
        while let Some(object) = queue.pop_front() {
            let inherited = object.rpath();
            for name in object.elf.needed.iter().filter(|name| loaded.insert((*name).clone())) {
                let (library, elf) = self
                    .find(name, &object, home)
                    .ok_or_else(|| Missing { name: name.clone(), needed_by: object.from.clone() })?;
                found.push(library.clone());
                let Needed { from, to } = library;
                queue.push_back(Object { from, to, elf, inherited: inherited.clone() });
            }
        }
        Ok(found)
    }

    fn find(&mut self, name: &OsStr, object: &Object, home: Option<&Path>) -> Option<(Needed, Rc<Elf>)> {
        let kind = object.elf.kind;
        if name.as_bytes().contains(&b'/') {
            let from = PathBuf::from(name);
            let elf = from.is_absolute().then(|| self.library(&from, kind)).flatten()?;
            return Some((Needed { to: lexical(&from), from }, elf));
        }
        for (on_machine, in_rootfs) in object.rpath().into_iter().chain(object.runpath()) {
            if let Some(elf) = self.library(&on_machine.join(name), kind) {
                let to = in_rootfs.join(name);
                return Some((Needed { from: on_machine.join(name), to }, elf));
            }
        }
        self.directories.clone().into_iter().find_map(|directory| {
            let from = directory.join(name);
            let elf = self.library(&from, kind)?;
            let to = home.unwrap_or(&directory).join(name);
            Some((Needed { from, to: lexical(&to) }, elf))
        })
    }

    /// The library at this path, if there is one that such a program can load.
    fn library(&mut self, path: &Path, kind: ElfKind) -> Option<Rc<Elf>> {
        let read = || Elf::read(&self.root.file(path).ok()?).ok()?.map(Rc::new);
        let elf = match self.read.get(path) {
            Some(known) => known.clone(),
            None => self.read.entry(path.to_owned()).or_insert(read()).clone(),
        };
        elf.filter(|elf| elf.kind == kind)
    }
}

impl Object {
    /// DT_RPATH, the own one first. It is void, also the inherited one, where there is a DT_RUNPATH.
    fn rpath(&self) -> Vec<SearchDirectory> {
        let Search { rpath, runpath } = &self.elf.search;
        if runpath.is_some() {
            return Vec::new();
        }
        rpath.iter().filter_map(|entry| self.place(entry)).chain(self.inherited.iter().cloned()).collect()
    }

    fn runpath(&self) -> Vec<SearchDirectory> {
        let entries = self.elf.search.runpath.iter().flatten();
        entries.filter_map(|entry| self.place(entry)).collect()
    }

    /// `$ORIGIN` is the directory of the file itself (ld.so(8)), and the file moves. `$LIB` and `$PLATFORM` hang
    /// on the loader's own build, and are passed over.
    fn place(&self, entry: &OsStr) -> Option<SearchDirectory> {
        let entry = entry.to_str()?.replace("${ORIGIN}", "$ORIGIN");
        let at = |file: &Path| {
            let origin = file.parent()?.to_str()?;
            let path = entry.replace("$ORIGIN", origin);
            (path.starts_with('/') && !path.contains('$')).then(|| PathBuf::from(path))
        };
        Some((at(&self.from)?, lexical(&at(&self.to)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::fake::Program;
    use std::fs;

    /// A root in which these files lie.
    fn tree(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let temporary = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = temporary.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        temporary
    }

    fn needs(tree: &tempfile::TempDir, from: &str, to: &str) -> Result<Vec<(String, String)>, Missing> {
        let root = Root::at(tree.path()).unwrap();
        let mut loader = Loader::of(&root);
        let elf = Elf::read(&root.file(Path::new(from)).unwrap()).unwrap().unwrap();
        let home = loader.home(elf.kind);
        let program = Needed { from: from.into(), to: to.into() };
        let found = loader.needs(&program, &elf, home.as_deref())?;
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        Ok(found.iter().map(|needed| (text(&needed.from), text(&needed.to))).collect())
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect()
    }

    #[test]
    fn configured_directories_are_moved_to_the_home_of_libc() {
        let program = Program {
            interpreter: Some("/lib64/ld.so"),
            needed: &["libx.so", "libc.so.6"],
            ..Default::default()
        };
        let libc = Program { needed: &["ld.so"], ..Default::default() };
        let tree = tree(&[
            ("usr/bin/p", program.bytes()),
            ("lib64/ld.so", Program::default().bytes()),
            ("lib64/libc.so.6", libc.bytes()),
            ("opt/x/libx.so", Program::default().bytes()),
            ("opt/broken/libx.so", b"/* GNU ld script */".to_vec()),
            ("etc/ld.so.conf", b"# all\ninclude ld.so.conf.d/*.conf\n/opt/x # x\n".to_vec()),
            ("etc/ld.so.conf.d/b.conf", b"include b.conf\n/opt/broken\n".to_vec()),
        ]);
        let found = needs(&tree, "/usr/bin/p", "/bin/p").unwrap();
        let expected = [
            ("/lib64/ld.so", "/lib64/ld.so"),
            ("/opt/x/libx.so", "/lib64/libx.so"),
            ("/lib64/libc.so.6", "/lib64/libc.so.6"),
        ];
        assert_eq!(found, pairs(&expected));
    }

    #[test]
    fn origin_moves_with_the_program_and_runpath_is_not_inherited() {
        let program = Program { needed: &["liba.so"], runpath: Some("$ORIGIN/../own"), ..Default::default() };
        let liba = Program { needed: &["libb.so"], ..Default::default() };
        let files = [
            ("usr/bin/p", program.bytes()),
            ("usr/own/liba.so", liba.bytes()),
            ("usr/own/libb.so", Program::default().bytes()),
        ];
        let missing = needs(&tree(&files), "/usr/bin/p", "/bin/p").unwrap_err();
        assert_eq!(missing.to_string(), r#""libb.so", which "/usr/bin/../own/liba.so" needs"#);

        let program =
            Program { needed: &["liba.so"], rpath: Some("${ORIGIN}/../own:$LIB"), ..Default::default() };
        let files = [("usr/bin/p", program.bytes()), files[1].clone(), files[2].clone()];
        let found = needs(&tree(&files), "/usr/bin/p", "/bin/p").unwrap();
        let expected =
            [("/usr/bin/../own/liba.so", "/own/liba.so"), ("/usr/bin/../own/libb.so", "/own/libb.so")];
        assert_eq!(found, pairs(&expected));
    }

    #[test]
    fn a_missing_loader_is_named() {
        let program = Program { interpreter: Some("/lib/ld-none.so"), ..Default::default() };
        let missing = needs(&tree(&[("p", program.bytes())]), "/p", "/p").unwrap_err();
        assert_eq!(missing.name, "/lib/ld-none.so");
    }

    #[test]
    fn musl_has_a_path_of_its_own() {
        let program = Program { needed: &["libx.so"], ..Default::default() };
        let tree = tree(&[
            ("p", program.bytes()),
            ("m/libx.so", Program::default().bytes()),
            ("etc/ld-musl-x86_64.path", b"/lib\n/m:/n".to_vec()),
        ]);
        assert_eq!(needs(&tree, "/p", "/p").unwrap(), pairs(&[("/m/libx.so", "/m/libx.so")]));
    }
}
