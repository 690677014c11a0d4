//! The person who calls the grader: a home, files around the submissions, and secrets that nobody else knows.

use crate::common::stage::{Stage, Who, everything_is_asked_for, skip};
use crate::common::{programs, stage};
use crate::compiled;
use crate::descendants;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One after the other: what is left is told by whom the test has started.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The person.
pub struct Caller {
    pub stage: Stage,
    /// What only the caller knows.
    pub secrets: Secrets,
    _alone: MutexGuard<'static, ()>,
}

/// Random words: in the environment, in an argument, and in files of the home and elsewhere. What comes before each is known to the
/// hostile programs, which look for it.
pub struct Secrets {
    environment: String,
    argument: String,
    key: String,
}

impl Secrets {
    fn random() -> Secrets {
        Secrets { environment: word(), argument: word(), key: word() }
    }

    /// Those that are in this text, by where they come from.
    pub fn in_text(&self, text: &[u8]) -> Vec<&'static str> {
        let places = [
            ("the caller's environment", &self.environment),
            ("the caller's arguments", &self.argument),
            ("the caller's files", &self.key),
        ];
        let is_in = |word: &str| text.windows(word.len()).any(|part| part == word.as_bytes());
        places.into_iter().filter(|(_, word)| is_in(word)).map(|(place, _)| place).collect()
    }
}

impl Caller {
    /// None, and a line that says why, where this machine lacks something. Where not everything is asked for, this is whoever
    /// runs the tests.
    pub fn new(who: Who) -> Option<Caller> {
        if who.is_another() && !everything_is_asked_for("as another person") {
            return None;
        }
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        descendants::adopt();
        let stage = Stage::new(who)?;
        let caller = Caller { stage, secrets: Secrets::random(), _alone: alone };
        caller.furnish();
        Some(caller)
    }

    /// A home, and files around the submissions.
    fn furnish(&self) {
        let stage = &self.stage;
        for directory in ["home", "home/.ssh", "home/.config", "machine", "machine/below", "work", "out"] {
            stage.directory(directory);
        }
        let key = format!("KEY_OF_THE_CALLER={}\n", self.secrets.key);
        for (name, text, mode) in [
            ("home/.ssh/id_canary", key.as_str(), 0o600),
            ("home/.config/settings", "a setting\n", 0o644),
            ("home/notes.txt", "notes\n", 0o644),
            ("machine/app.conf", "important\n", 0o640),
            ("machine/sda", "a file of the machine\n", 0o600),
            ("machine/canary", key.as_str(), 0o600),
            ("machine/below/other.txt", "x\n", 0o644),
            ("work/report.old", "kept\n", 0o644),
        ] {
            self.file(name, text, mode);
        }
        symlink("../machine", stage.path("work/link")).unwrap();
        stage.give("work/link");
    }

    /// Makes a file of the person's.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.stage.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        self.stage.give(name);
        path
    }

    /// A grader of this person's: the secrets are in its environment and, by the name of the report, in its arguments.
    pub fn grader<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut grader = self.stage.grader(words);
        grader
            .current_dir(self.stage.path("work"))
            .env("HOME", self.stage.path("home"))
            .env("SECRET_OF_THE_CALLER", &self.secrets.environment)
            .stdin(Stdio::null());
        grader
    }

    /// Where the report goes.
    pub fn report(&self) -> PathBuf {
        self.stage.path("out").join(format!("ARGUMENT_OF_THE_CALLER={}", self.secrets.argument))
    }

    /// An honest program that holds much, in a directory of its own: lab 3.
    pub fn honest(&self, name: &str) -> Option<PathBuf> {
        let lab = programs::labs()?.pop()?;
        Some(self.submit(&format!("work/{name}"), name, &lab))
    }

    /// An honest program that holds nothing: lab 0.
    pub fn weak(&self, name: &str) -> Option<PathBuf> {
        let lab = programs::labs()?.swap_remove(0);
        Some(self.submit(&format!("work/{name}"), name, &lab))
    }

    /// A hostile program, in a directory of its own. The files in `beside` lie beside it.
    pub fn hostile(&self, name: &str, beside: &[(&str, &Path)]) -> Option<PathBuf> {
        let program = compiled::program(name)?;
        for (name_there, path) in beside {
            self.submit(&format!("work/{name}"), name_there, path);
        }
        Some(self.submit(&format!("work/{name}"), name, &program))
    }

    /// Puts a program into a directory of the person's.
    pub fn submit(&self, directory: &str, name: &str, program: &Path) -> PathBuf {
        let to = self.stage.directory(directory).join(name);
        fs::copy(program, &to).unwrap();
        fs::set_permissions(&to, Permissions::from_mode(0o755)).unwrap();
        self.stage.give(&format!("{directory}/{name}"));
        to
    }

    /// A directory below `/usr` that belongs to this person. It goes with what is returned.
    pub fn below_usr(&self) -> Option<OfUsr> {
        let path = Path::new("/usr/local").join(format!("owned-{}", self.stage.word()));
        if let Err(error) = fs::create_dir(&path) {
            skip(&format!("{}: {error}", path.display()));
            return None;
        }
        let of_usr = OfUsr(path);
        fs::write(of_usr.0.join("file"), "the machine's\n").unwrap();
        for path in [of_usr.0.join("file"), of_usr.0.clone()] {
            if self.stage.who == Who::User {
                let id = Some(self.stage.who.uid());
                std::os::unix::fs::chown(path, id, id).unwrap();
            }
        }
        Some(of_usr)
    }
}

/// A directory below `/usr/local`.
pub struct OfUsr(pub PathBuf);

impl Drop for OfUsr {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A random word.
fn word() -> String {
    let mut bytes = [0; 12];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The workspace's directory of hostile programs.
pub fn sources() -> PathBuf {
    stage::workspace().join("grader/tests/hostile/programs")
}
