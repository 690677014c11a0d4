//! The labs: their list, their sources, and how they are built.
//!
//! The grader imports no lab. It builds and runs them like any other program.
//!
//! # Layout
//! - [`COURSE`], [`ALL`], [`resolve`]: the list, and the names that a person may type.
//! - [`workspace`]: the directory tree that the labs are built from.
//! - [`build`](mod@build): the programs that cargo makes. [`cargo`]: how it is called. [`process`]: while it runs. [`offline`]: cargo without a network.
//!   [`target_dir`]: where cargo puts them, and from what they were built. [`expiry`]: what goes in time.
//! - [`steps`]: the named steps in the labs' source. [`variant`]: a lab built without some of them.
//! - `alone`: the labs as a separate workspace.

mod alone;
pub mod build;
pub mod cargo;
pub mod expiry;
pub mod offline;
pub mod process;
pub mod steps;
pub mod target_dir;
pub mod variant;
pub mod workspace;

pub use build::{BuiltLab, Linked, build, build_with, check};
pub use workspace::Workspace;

/// The labs in teaching order; the index is the lab's number.
pub const COURSE: [&str; 7] = [
    "lab0-chroot",
    "lab1-namespaces",
    "lab2-mounts",
    "lab3-pivot",
    // Still to come:
    "lab4-capabilities",
    "lab5-seccomp",
    "lab6-cgroups",
];

/// The labs that exist. Each is a package with a program of the same name.
pub const ALL: [&str; 4] = *COURSE.first_chunk().expect("there are no more than in the course");

/// The lab with this name: `lab1-namespaces`, `lab1` or `1`. A trailing slash, as a shell's completion of a directory
/// adds it, is ignored.
pub fn resolve(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('/');
    ALL.into_iter().enumerate().find_map(|(number, lab)| {
        let names = [lab.to_owned(), format!("lab{number}"), number.to_string()];
        names.iter().any(|known| known == name).then_some(lab)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_has_three_names() {
        for name in ["lab1-namespaces", "lab1-namespaces/", "lab1", "1"] {
            assert_eq!(resolve(name), Some("lab1-namespaces"), "{name}");
        }
        for name in ["", "lab", "lab01", "4", "namespaces", "-1"] {
            assert_eq!(resolve(name), None, "{name}");
        }
    }

    #[test]
    fn the_name_of_a_lab_begins_with_its_number() {
        for (number, lab) in ALL.iter().enumerate() {
            assert!(lab.starts_with(&format!("lab{number}-")), "{lab}");
        }
    }
}
