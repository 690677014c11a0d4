//! The repository that a new workspace is, whatever git is told elsewhere.

use super::{git, grader};
use crate::common::stage::{Stage, Who};
use grader::student::starter;
use predicates::str::{contains, is_empty};
use rstest::rstest;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Every file is in the first commit, byte for byte.
fn assert_all_is_committed(mine: &Path) {
    let source = starter::source().unwrap();
    let mut expected: Vec<_> = source.files().map(|(path, _)| path.to_str().unwrap()).collect();
    // Git sorts by bytes, a path by its parts: `args.rs` and `args/`.
    expected.sort_unstable();
    assert_eq!(git(mine, &["ls-files"]).lines().collect::<Vec<_>>(), expected);
    for (path, text) in source.files() {
        assert_eq!(git(mine, &["show", &format!("HEAD:{}", path.display())]), *text, "{}", path.display());
    }
}

#[rstest]
fn it_is_a_repository_with_one_commit_of_everything(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    let ran = stage.run(grader(&stage, &["starter", "deep/mine"]));
    ran.assert().success().stdout(contains("cd deep/mine && grader run")).stderr(is_empty());
    let mine = stage.path("deep/mine");
    assert_eq!(git(&mine, &["log", "--format=%an <%ae>"]), "Student <student@localhost>\n");
    assert_eq!(git(&mine, &["status", "--porcelain", "--ignored"]), "");
    assert_all_is_committed(&mine);
    let source = starter::source().unwrap();
    assert!(source.files().all(|(path, text)| fs::read_to_string(mine.join(path)).unwrap() == text));
    assert_eq!(fs::metadata(&mine).unwrap().uid(), who.uid());
}

#[test]
fn git_settings_are_kept_to() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let mut grader = grader(&stage, &["starter", "mine"]);
    fs::write(stage.path("home/.gitconfig"), "[user]\nname = Ada\nemail = a@b\n[commit]\ngpgsign = true\n")
        .unwrap();
    // As it is in a hook of another repository.
    grader.env("GIT_DIR", stage.path("elsewhere"));
    stage.run(grader).assert().success();
    assert_eq!(git(&stage.path("mine"), &["log", "--format=%an <%ae>"]), "Ada <a@b>\n");
}

/// What a person has set for all repositories does not change the first commit, nor hinders it.
#[rstest]
#[case::line_ends("[core]\nautocrlf = true\nsafecrlf = true\neol = crlf\n")]
#[case::hooks("[core]\nhooksPath = HOME/refusing\n")]
#[case::ignored("[core]\nexcludesFile = HOME/ignored\n")]
#[case::signed("[commit]\ngpgsign = true\n[gpg]\nprogram = /nowhere\n[user]\nsigningkey = 1\n")]
#[case::template("[init]\ntemplateDir = HOME/template\ndefaultBranch = trunk\n")]
#[case::no_template("[init]\ntemplateDir = HOME/nothing\n")]
#[case::no_branch("[init]\ndefaultBranch = no..branch\n")]
#[case::no_settings("[user\nname")]
#[case::a_filter(
    "[core]\nattributesFile = HOME/attributes\n[filter \"no\"]\nclean = false\nrequired = true\n"
)]
#[case::a_monitor("[core]\nfsmonitor = HOME/refusing/pre-commit\n")]
#[case::no_name("[user]\nname =\nuseConfigOnly = true\n")]
fn no_setting_of_git_is_in_the_way(#[case] settings: &str) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let mut grader = grader(&stage, &["starter", "mine"]);
    let home = stage.path("home");
    for hooks in ["refusing", "template/hooks"] {
        fs::create_dir_all(home.join(hooks)).unwrap();
        for hook in ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "reference-transaction"]
        {
            let path = home.join(hooks).join(hook);
            fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    fs::create_dir_all(home.join("template/info")).unwrap();
    for ignored in ["ignored", "template/info/exclude"] {
        fs::write(home.join(ignored), "Cargo.lock\n*.rs\n").unwrap();
    }
    fs::write(home.join("attributes"), "* filter=no text\n").unwrap();
    fs::write(home.join(".gitconfig"), settings.replace("HOME", home.to_str().unwrap())).unwrap();
    // Git's own place for what is ignored everywhere, and an author that is none.
    fs::create_dir_all(home.join(".config/git")).unwrap();
    fs::write(home.join(".config/git/ignore"), "Cargo.lock\n").unwrap();
    grader.env("GIT_AUTHOR_NAME", "").env("GIT_COMMITTER_DATE", "yesterday or so");
    stage.run(grader).assert().success().stderr(is_empty());
    let mine = stage.path("mine");
    assert_all_is_committed(&mine);
    assert_eq!(git(&mine, &["status", "--porcelain"]), "");
    assert_eq!(git(&mine, &["log", "--format=%an <%ae>"]), "Student <student@localhost>\n");
}

#[test]
fn without_git_everything_else_is_made() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let mut grader = grader(&stage, &["starter", "mine"]);
    grader.env("PATH", stage.directory("empty"));
    stage.run(grader).assert().success().stdout(contains("git is not installed")).stderr(is_empty());
    assert!(!stage.path("mine/.git").exists());
    let source = starter::source().unwrap();
    assert!(source.files().all(|(path, _)| stage.path("mine").join(path).is_file()));
}
