//! Who knows whom in the grader, read from the `use` lines. The rule is CONTRIBUTING.md's: this test reads it there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules' paths, as in `runner::workers`, and the modules that each names.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn each_folder_knows_only_whom_it_may() {
    let rules = Rules::read();
    let mut wrong = Vec::new();
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    for (file, known) in graph(&source()) {
        for other in known {
            let (from, to) = (top(&file).to_owned(), top(&other).to_owned());
            if from != to && !rules.allow(&from, &to) {
                wrong.push(format!("{file} knows {other}"));
            }
            used.insert((from, to));
        }
    }
    for (from, to) in rules.rows.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to))) {
        if !used.contains(&(from.clone(), to.clone())) {
            wrong.push(format!("{from} does not know {to} any more: take it out of CONTRIBUTING.md"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `foo.rs` and what lies in `foo/` are one concept: what a file names of its own folder is no circle.
#[test]
fn no_files_know_each_other_in_a_circle() {
    let graph = graph(&source());
    let above: BTreeSet<&String> =
        graph.keys().filter(|file| reachable(&graph, file).contains(*file)).collect();
    assert!(above.is_empty(), "in a circle: {above:#?}");
}

#[test]
fn every_folder_has_a_row_and_every_row_a_folder() {
    let rules = Rules::read();
    let files = rust_files(&source());
    let folders: BTreeSet<String> = files.iter().map(|file| top(file).to_owned()).collect();
    let stated: BTreeSet<String> = rules.small.iter().cloned().chain(rules.order.iter().cloned()).collect();
    let not_in_the_library = ["lib", "main", "bin"].map(str::to_owned);
    assert_eq!(folders.difference(&not_in_the_library.into()).cloned().collect::<BTreeSet<_>>(), stated);
    // A row names only rows above it: then there is no circle between folders.
    for (at, name) in rules.order.iter().enumerate() {
        for known in &rules.rows[name] {
            assert!(rules.order[..at].contains(known), "{name} stands above {known}");
        }
    }
}

/// Neither its list nor one of it: a decoy is a host, whatever is tried on it.
#[test]
fn a_decoy_knows_no_attempt() {
    for file in rust_files(&source()).into_iter().filter(|file| top(file) == "decoy") {
        let code = code(&source(), &file);
        for list in ["attempts::attempts", "attempts::works"] {
            assert!(!code.contains(list), "{file} knows {list}");
        }
    }
}

#[test]
fn a_lab_knows_common_and_the_labs_before_it_and_the_grader_knows_none() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let knows = |package: &str, other: &str| {
        let text = fs::read_to_string(workspace.join(package).join("Cargo.toml")).unwrap();
        text.lines().any(|line| line.starts_with(other) && line[other.len()..].starts_with(['.', ' ']))
    };
    for (number, lab) in grader::labs::ALL.iter().enumerate() {
        assert!(!knows("grader", lab) && !knows("common", lab), "{lab}");
        assert!(knows(lab, "common"), "{lab}");
        assert!(grader::labs::ALL[number..].iter().all(|later| !knows(lab, later)), "{lab}");
    }
}

/// What CONTRIBUTING.md says.
struct Rules {
    /// Known to all; each knows at most those before it.
    small: Vec<String>,
    /// All others, from the bottom up.
    order: Vec<String>,
    /// Whom each of those may know besides.
    rows: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    fn read() -> Rules {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("CONTRIBUTING.md");
        let text = fs::read_to_string(path).unwrap();
        let names =
            |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        let small = text.lines().find(|line| line.starts_with("Small, known to all:")).unwrap();
        let small = small.split(". ").next().unwrap();
        let (mut order, mut rows) = (Vec::new(), BTreeMap::new());
        let table = text.lines().skip_while(|line| !line.starts_with("| folder | may know |"));
        for line in table.skip(2).take_while(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let name = names(cells[0]).remove(0);
            rows.insert(name.clone(), names(cells[1]).into_iter().collect());
            order.push(name);
        }
        assert!(rows.len() > 5, "the table was not found");
        Rules { small: names(small), order, rows }
    }

    fn allow(&self, from: &str, to: &str) -> bool {
        let at = |name: &str| self.small.iter().position(|known| known == name);
        match (at(from), at(to), self.rows.get(from)) {
            (Some(from), Some(to), _) => to < from,
            (None, Some(_), _) => true,
            (None, None, Some(known)) => known.contains(to),
            // The list of modules and the program's beginning are above all.
            (None, None, None) => ["lib", "main", "bin"].contains(&from),
            (Some(_), None, _) => false,
        }
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// All modules, tests apart.
fn rust_files(source: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![source.to_owned()];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                let name = path.strip_prefix(source).unwrap().with_extension("");
                found.push(name.to_str().unwrap().replace('/', "::"));
            }
        }
    }
    found
}

/// A module's code, without tests and comments.
fn code(source: &Path, module: &str) -> String {
    let text = fs::read_to_string(source.join(module.replace("::", "/") + ".rs")).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn graph(source: &Path) -> Graph {
    let modules: BTreeSet<String> = rust_files(source).into_iter().collect();
    let known = |module: &String| -> BTreeSet<String> {
        let paths =
            named(&code(source, module)).into_iter().filter_map(|path| absolute(module, &path, &modules));
        let below = format!("{module}::");
        paths.filter(|it| it != module && !it.starts_with(&below)).collect()
    };
    modules.iter().map(|module| (module.clone(), known(module))).collect()
}

/// The paths in `use` lines, and those in code that begin at `crate` or `super`.
fn named(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let begins = at == 0 || code[..at].ends_with(['\n', ' ', '(']);
        if let Some(end) = code[at..].find(';').filter(|_| begins) {
            found.extend(expanded(&code[at + 4..at + end]));
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let path = code[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next();
            found.push(path.unwrap().trim_end_matches(':').to_owned());
        }
    }
    found
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.split(" as ").next().unwrap().trim();
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let body = rest.rsplit_once('}').map_or(rest, |(body, _)| body);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in body.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| expanded(&format!("{head}{part}"))).collect()
}

/// The module that a path leads to, as seen from another module. None where it leads out of the grader.
fn absolute(module: &str, path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut place: Vec<&str> = module.split("::").collect();
    let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
    match parts[0] {
        "crate" | "grader" => place.clear(),
        "super" => {
            place.pop();
        }
        "self" => {}
        first if modules.contains(&format!("{module}::{first}")) => parts.insert(0, "self"),
        _ => return None,
    }
    parts.remove(0);
    while parts.first() == Some(&"super") {
        place.pop();
        parts.remove(0);
    }
    place.extend(parts);
    while !place.is_empty() && !modules.contains(&place.join("::")) {
        place.pop();
    }
    (!place.is_empty()).then(|| place.join("::"))
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = graph[from].iter().collect();
    while let Some(next) = open.pop() {
        if found.insert(next.clone()) {
            open.extend(&graph[next]);
        }
    }
    found
}

#[test]
fn paths_are_found_wherever_they_are_named() {
    let code = "use crate::a::{self, b::{c, d as e}};\nuse super::f;\nlet x = crate::g::h(super::i::J);\n";
    let expected = ["crate::a::self", "crate::a::b::c", "crate::a::b::d as e", "super::f"];
    let found = named(code);
    assert!(expected.iter().all(|it| found.contains(&expanded(it)[0])), "{found:?}");
    assert!(
        found.contains(&"crate::g::h".to_owned()) && found.contains(&"super::i::J".to_owned()),
        "{found:?}"
    );
    let modules = ["a", "a::b", "a::c", "a::c::d"].map(str::to_owned).into();
    let absolute = |module, path| absolute(module, path, &modules);
    assert_eq!(absolute("a::c", "super::b::THING").as_deref(), Some("a::b"));
    assert_eq!(absolute("a::c::d", "super::super::b").as_deref(), Some("a::b"));
    assert_eq!(absolute("a::c", "d::thing").as_deref(), Some("a::c::d"));
    assert_eq!(absolute("a", "crate::a::c::d::Thing").as_deref(), Some("a::c::d"));
    assert_eq!(absolute("a", "std::fs"), None);
}
