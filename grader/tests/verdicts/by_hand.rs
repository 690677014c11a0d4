//! The commands by which an attempt can be repeated by hand, tried: in a lab that does not stop it they show what it
//! does, and in the lab that stops it they don't.
//!
//! They are run as `grader try` tells it: on a host in namespaces of its own (`story::HOST`), in a shell inside the
//! real lab's container. What stands for a person's choice in them is filled in: 1234 is a process of that host,
//! `rootfs` the root file system, `lab3-pivot` the lab.

use crate::common::programs;
use crate::common::stage::{PATIENCE, Stage, Who, skip, workspace};
use crate::common::variants;
use attempts::attempts::{ALL, Attempt};
use grader::formats::story::HOST;
use grader::labs::steps::Source;
use nix::libc;
use rstest::rstest;
use std::env;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How an attempt is tried.
struct Tried {
    id: &'static str,
    /// What the host does first; a word that nobody else knows is `$WORD` in it, an own directory `$T`.
    host: &'static str,
    /// The lab in which the commands show it.
    shows: Lab,
    /// The lab that stops it, where there is one already.
    stopped: Option<usize>,
    /// Whether it shows itself in what the commands, and the host after them, have printed.
    seen: fn(&Printed) -> bool,
}

enum Lab {
    Number(usize),
    /// Lab 0 without its step.
    WithoutChdir,
    /// A launcher that minds no link, `tests/programs/naive.rs`.
    Naive,
}

/// What was printed.
struct Printed {
    /// By the commands.
    text: String,
    /// The word that only the host knows.
    word: String,
    /// By `$AFTER`, on the host.
    after: String,
}

impl Printed {
    fn word(&self) -> bool {
        self.text.contains(&self.word)
    }

    /// Whether it is the number of a descriptor, and not -1.
    fn descriptor(&self) -> bool {
        self.text.trim().parse().is_ok_and(|number: i32| number >= 0)
    }

    /// The number in hexadecimal that is in the line with this name.
    fn mask(&self, name: &str) -> u64 {
        let line = self.text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap_or_default()
    }
}

use Lab::{Naive, Number, WithoutChdir};

const VICTIM: &str = "WORD_OF_HOST=$WORD sleep 1000 & VICTIM=$!";
/// With a number that no process of a new PID namespace has.
const FAR_VICTIM: &str = "for i in $(seq 20); do /bin/true; done; sleep 1000 & VICTIM=$!";
const SHADOW: &str = "echo root:$WORD > $T/shadow; mount --bind $T/shadow /etc/shadow";
/// A service on each kind of socket, and a segment of shared memory, held by this test program.
const HELPER: &str = "HELPER=1 $SELF --exact by_hand::helper --ignored --nocapture > $T/helper 2>&1 & \
                      until grep -q ready $T/helper; do sleep 0.05; done";

#[rustfmt::skip]
const TRIED: &[Tried] = &[
    Tried { id: "mount", host: "", shows: Number(0), stopped: Some(1), seen: |it| it.text.contains(" - tmpfs mark ") },
    Tried { id: "shell-pid", host: "", shows: Number(0), stopped: Some(1), seen: |it| it.text.trim().parse().is_ok_and(|pid: i32| pid > 1) },
    Tried { id: "signal-process", host: VICTIM, shows: Number(0), stopped: Some(1), seen: |it| it.after.contains("victim is gone") },
    Tried { id: "proc-environ", host: VICTIM, shows: Number(0), stopped: Some(1), seen: Printed::word },
    Tried { id: "proc-pid-root", host: "echo root:$WORD > $T/shadow; mount --bind $T/shadow /etc/shadow; sleep 1000 & VICTIM=$!", shows: Number(0), stopped: Some(1), seen: Printed::word },
    Tried { id: "cwd-outside-root", host: SHADOW, shows: WithoutChdir, stopped: Some(0), seen: Printed::word },
    Tried { id: "host-umount", host: "mount -t tmpfs volume $ROOTFS/data", shows: Number(0), stopped: Some(1), seen: |it| !it.text.contains("/data ") },
    Tried { id: "leaked-descriptor", host: "mkdir -p $T/etc; echo root:$WORD > $T/etc/shadow", shows: Number(2), stopped: Some(3), seen: |it| it.word() && it.text.contains(" 77 -> ") },
    Tried { id: "hostname-set", host: "", shows: Number(0), stopped: Some(1), seen: |it| it.text.trim() == "mark" },
    Tried { id: "hostname-read", host: "hostname $WORD", shows: Number(0), stopped: Some(1), seen: Printed::word },
    Tried { id: "sysv-shm", host: HELPER, shows: Number(0), stopped: Some(1), seen: |it| it.text.lines().count() > 1 },
    Tried { id: "posix-mq", host: "mkdir $T/q && mount -t mqueue q $T/q && : > $T/q/$WORD", shows: Number(0), stopped: Some(1), seen: Printed::word },
    Tried { id: "abstract-socket", host: HELPER, shows: Number(0), stopped: Some(1), seen: Printed::word },
    Tried { id: "loopback-service", host: HELPER, shows: Number(0), stopped: Some(1), seen: |it| it.text.contains(":1092 ") },
    Tried { id: "boot-time", host: "", shows: Number(0), stopped: Some(1), seen: up_as_long_as_the_host },
    Tried { id: "cgroup-path", host: "", shows: Number(0), stopped: Some(1), seen: |it| it.text == it.after },
    Tried { id: "env-secret", host: "", shows: Number(2), stopped: Some(3), seen: |it| it.text.contains("DECOY_TOKEN=secret") },
    Tried { id: "proc-keys", host: "", shows: Number(1), stopped: Some(2), seen: |it| it.text.contains("decoy-keyring") },
    Tried { id: "proc-keys-unmask", host: "", shows: Number(3), stopped: None, seen: |it| it.text.contains("decoy-keyring") },
    Tried { id: "setuid-drop", host: "rm -f $ROOTFS/tmp/sh", shows: Number(1), stopped: Some(2), seen: |it| it.text.contains("reached") },
    Tried { id: "image-root-link", host: SHADOW, shows: Naive, stopped: Some(3), seen: Printed::word },
    Tried { id: "image-tmp-link", host: "", shows: Number(1), stopped: Some(2), seen: |it| it.after.starts_with("-rws") },
    Tried { id: "cap-bounding", host: "", shows: Number(3), stopped: None, seen: |it| it.mask("CapBnd") > 0xa804_25fb },
    Tried { id: "cap-inheritable", host: "", shows: Number(3), stopped: None, seen: |it| it.mask("CapInh") != 0 },
    Tried { id: "clock-adjust", host: "", shows: Number(3), stopped: None, seen: |it| it.mask("CapEff") & 1 << 25 != 0 },
    Tried { id: "no-new-privs", host: "", shows: Number(3), stopped: None, seen: |it| it.text.trim() == "NoNewPrivs:\t0" },
    Tried { id: "io-uring", host: "", shows: Number(3), stopped: None, seen: Printed::descriptor },
    Tried { id: "pidfd-getfd", host: FAR_VICTIM, shows: Number(0), stopped: Some(1), seen: Printed::descriptor },
    Tried { id: "chroot-escape", host: "echo root:$WORD > $T/shadow; mount --bind $T/shadow /etc/shadow; rm -f $T/input; echo cat /etc/shadow > $T/input", shows: Number(2), stopped: Some(3), seen: Printed::word },
    Tried { id: "setns-own-mount", host: SHADOW, shows: Number(2), stopped: Some(3), seen: Printed::word },
    Tried { id: "personality", host: "", shows: Number(3), stopped: None, seen: |it| it.text.trim() == "00040000" },
    // These a chroot stops, and with pivot_root(2) they come back.
    Tried { id: "userns-unshare", host: "", shows: Number(3), stopped: Some(2), seen: |it| it.mask("CapEff") != 0 },
    Tried { id: "userns-clone", host: "", shows: Number(3), stopped: Some(2), seen: |it| it.text.lines().any(|line| line == "0") },
    Tried { id: "userns-clone3", host: "", shows: Number(3), stopped: Some(2), seen: |it| it.text.lines().any(|line| line == "0") },
    Tried { id: "int80-userns", host: "", shows: Number(3), stopped: Some(2), seen: |it| it.text.trim() == "0" },
];

/// What is not tried here, and why.
const NOT_TRIED: &[(&str, &[&str])] = &[
    (
        "only real root can: it would be done to this machine",
        &[
            "core-pattern",
            "core-pattern-remount",
            "sysfs-write",
            "kernel-addresses",
            "raw-disk",
            "mknod-disk",
            "mknod-disk-dev",
            "mknod-disk-volume",
            "rootfs-device-node",
            "remount-dev",
            "open-by-handle",
        ],
    ),
    ("it would change this machine's control groups", &["cgroup-leave", "release-agent"]),
    (
        "it would load this machine, until a limit that no lab has yet",
        &["fork-bomb", "memory-hog", "cpu-hog"],
    ),
    ("it needs more ids than one", &["setuid-rootfs", "setuid-volume"]),
    (
        "not every machine has the tool (reboot, gdb, tcpdump, keyctl)",
        &["reboot", "ptrace-attach", "packet-sniff", "session-keyring"],
    ),
    ("it needs a terminal", &["tty-foreground", "tty-inject", "tty-inject-own", "tty-inject-high-bits"]),
    ("it needs a second shell, beside the container", &["host-tree"]),
];

#[test]
fn every_attempt_is_tried_or_it_is_said_why_not() {
    for Attempt { id, by_hand, .. } in ALL {
        assert!((1..=2).contains(&by_hand.len()), "{id}");
        let reasons = NOT_TRIED.iter().filter(|(_, ids)| ids.contains(id)).map(|(reason, _)| *reason);
        let tried = TRIED.iter().filter(|it| it.id == *id).map(|_| "");
        match tried.chain(reasons).collect::<Vec<_>>().as_slice() {
            [] => skip(&format!("{id}: what its commands show is not written down here")),
            [""] => {}
            [reason] => skip(&format!("{id}: {reason}")),
            _ => panic!("{id} is in both lists, or twice in one"),
        }
    }
    let known = TRIED.iter().map(|it| it.id).chain(NOT_TRIED.iter().flat_map(|(_, ids)| ids.iter().copied()));
    known.for_each(|id| assert!(Attempt::find(id).is_some(), "{id} is no attempt"));
}

#[rstest]
fn the_commands_do_show_it(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    let Some(place) = Place::new(stage) else { return };
    let mut faults = Vec::new();
    for it in TRIED {
        if let Some(lacks) = lacks(it.id) {
            skip(&format!("{}: {lacks}", it.id));
            continue;
        }
        let name = |lab: usize| grader::labs::ALL[lab];
        let (lab, program) = match it.shows {
            Number(lab) => (name(lab), place.labs[lab].clone()),
            Naive => ("a launcher that minds no link", place.naive.clone()),
            WithoutChdir => ("lab0-chroot without chdir", place.without_chdir.clone()),
        };
        let printed = place.run(it, &program);
        if !(it.seen)(&printed) {
            faults.push(format!(
                "{} does not show itself in {lab}:\n{}\n{}",
                it.id, printed.text, printed.after
            ));
        }
        if let Some(lab) = it.stopped {
            let printed = place.run(it, &place.labs[lab]);
            if (it.seen)(&printed) {
                faults.push(format!("{} shows itself in {}, too:\n{}", it.id, name(lab), printed.text));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

const X86_64: bool = cfg!(target_arch = "x86_64");

/// What keeps this machine from showing it.
fn lacks(id: &str) -> Option<&'static str> {
    let reads = |file: &str| fs::read_to_string(file).unwrap_or_default();
    // SAFETY: a system call without a pointer: the number of this session's keyring, which none need be made for.
    let keyring = || unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_GET_KEYRING_ID, -3, 0) };
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let lacks = match id {
        "cgroup-path" => reads("/proc/self/cgroup").lines().all(|line| line.ends_with(":/")),
        "io-uring" => reads("/proc/sys/kernel/io_uring_disabled").trim() != "0" || !has("perl"),
        "no-new-privs" => !reads("/proc/self/status").contains("NoNewPrivs:\t0"),
        "chroot-escape" | "pidfd-getfd" => !has("perl"),
        "setns-own-mount" => !has("nsenter"),
        "personality" => !has("setarch"),
        "userns-unshare" => !has("unshare"),
        "userns-clone" => !has("perl") || !X86_64,
        "userns-clone3" => !has("perl"),
        // Also off where the kernel has no system calls of i386.
        "int80-userns" => !has("gcc") || !X86_64 || !Path::new("/proc/sys/abi").exists(),
        "cap-inheritable" => !has("setpriv"),
        "proc-keys" | "proc-keys-unmask" => keyring() == -1,
        _ => false,
    };
    lacks.then_some("this machine itself does not let it happen, or has not what the command needs")
}

/// Where the commands are run.
struct Place {
    stage: Stage,
    labs: Vec<PathBuf>,
    without_chdir: PathBuf,
    naive: PathBuf,
    rootfs: PathBuf,
    helper: PathBuf,
}

impl Place {
    fn new(stage: Stage) -> Option<Place> {
        let give = |from: &Path, name: &str| {
            let to = stage.path(name);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
            to
        };
        let labs = programs::labs()?;
        let labs = labs.iter().enumerate().map(|(number, lab)| give(lab, &format!("lab{number}"))).collect();
        let source = Source::read(workspace()).unwrap().without(|id| id.lab == "lab0-chroot").unwrap();
        let weaker = variants::workshop()?.build(&source, "lab0-chroot").unwrap();
        let without_chdir = give(&weaker, "lab0-without-chdir");
        let naive = give(&programs::find("naive")?, "naive");
        let helper = give(&env::current_exe().unwrap(), "helper");
        let rootfs = stage.path("rootfs");
        let from = grader::rootfs::embedded().unwrap().path;
        assert!(Command::new("cp").arg("-a").args([&from, &rootfs]).status().unwrap().success());
        TOOLS.iter().for_each(|tool| give_tool(&rootfs, tool));
        if stage.who.is_another() {
            let id = format!("{0}:{0}", stage.who.uid());
            assert!(Command::new("chown").args(["-R", &id]).arg(&rootfs).status().unwrap().success());
        }
        Some(Place { labs, without_chdir, naive, rootfs, helper, stage })
    }

    /// Runs the commands as a person would, on a host of their own.
    fn run(&self, it: &Tried, program: &Path) -> Printed {
        let by_hand = Attempt::find(it.id).unwrap().by_hand;
        let (outside, inside): (Vec<&str>, Vec<&str>) =
            by_hand.iter().partition(|it| it.contains("# on the host"));
        // What the host does in the end, or to begin with.
        let first = by_hand[0].contains("# on the host") && !inside.is_empty();
        let (before, outside) = if first { (outside, Vec::new()) } else { (Vec::new(), outside) };
        let word = format!("w{:x}", std::process::id());
        let place = self.stage.directory(&format!("{}-{}", it.id, program.file_name().unwrap().display()));
        let fill = |lines: &[&str]| {
            lines
                .join("\n")
                .replace("lab3-pivot rootfs", "$LAB --quiet $ROOTFS")
                .replace("rootfs/", "$ROOTFS/")
        };
        let script = format!(
            "cd /tmp\n{host}\n\
             INSIDE=$(printf %s \"$INSIDE\" | sed \"s/1234/$VICTIM/g\")\n\
             {{ {before}\n[ -z \"$INSIDE\" ] || $LAB --quiet $ROOTFS /bin/sh -c \"$INSIDE\"\n{outside}\n}} > $T/text 2>&1 < $T/input\n\
             {after} > $T/after 2>&1\n",
            host = it.host,
            before = fill(&before),
            outside = fill(&outside),
            after = after(it.id),
        );
        fs::write(place.join("input"), "echo reached\n").unwrap();
        let words = shell_words::split(HOST).unwrap();
        // What is told to be typed is a shell; here it has a script.
        let mut host = self.stage.command(Path::new(&words[0]));
        host.args(&words[1..]).args(["-c", &script]);
        let directory = CString::new(place.as_os_str().as_bytes()).unwrap();
        // SAFETY: system calls alone, in a child that the program then replaces.
        unsafe { host.pre_exec(move || leave(&directory)) };
        host.env("LAB", program).env("ROOTFS", &self.rootfs).env("T", &place).env("SELF", &self.helper);
        // Else perl has much to say.
        host.env("LC_ALL", "C").env("WORD", &word).env("INSIDE", inside.join("\n")).env("VICTIM", "0");
        let output = assert_cmd::Command::from_std(host).timeout(PATIENCE).output().unwrap();
        let read = |name: &str| {
            let bytes = fs::read(place.join(name)).unwrap_or_else(|error| {
                panic!("{}: {error}: {}", it.id, String::from_utf8_lossy(&output.stderr))
            });
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Printed { text: read("text"), after: read("after"), word }
    }
}

/// What a root file system that somebody imports has, and the embedded one has not.
const TOOLS: &[&str] = &["perl", "unshare", "nsenter", "setarch"];

/// Copies a tool of this machine, where it has it, and the libraries that it needs.
fn give_tool(rootfs: &Path, tool: &str) {
    let script = "p=$(command -v $1) || exit 0; cp -Ln $p $2/bin/$1
        for f in $(ldd $p | grep -o '/[^ ]*'); do mkdir -p $2${f%/*}; [ -e $2$f ] || cp -L $f $2$f; done";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", tool]).arg(rootfs);
    assert!(shell.status().unwrap().success(), "{tool}");
}

/// What a careless host leaves to what it starts: a descriptor of a directory of its own, and a keyring.
fn leave(directory: &CStr) -> io::Result<()> {
    let name = c"decoy-keyring".as_ptr();
    // SAFETY: both names are C strings; the descriptor is nobody's.
    let left = unsafe {
        // Where that is refused there are no keyrings to be tried.
        libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, name);
        libc::dup2(libc::open(directory.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY), 77)
    };
    if left == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What the test asks the host afterwards.
fn after(id: &str) -> &'static str {
    match id {
        // What was sent a signal dies some moments later, and waits for its parent then.
        "signal-process" => {
            "for i in $(seq 40); do grep -q '^State:.S' /proc/$VICTIM/status || break; sleep 0.05; done; \
             { grep -q '^State:.S' /proc/$VICTIM/status || echo the victim is gone; }"
        }
        // And puts back what was there.
        "image-root-link" | "image-tmp-link" => {
            "{ ls -l $ROOTFS/var/tmp/sh; rm -rf $ROOTFS/var/tmp/sh $ROOTFS/tmp; mv $ROOTFS/old $ROOTFS/tmp; }"
        }
        "boot-time" => "cat /proc/uptime",
        "cgroup-path" => "cat /proc/self/cgroup",
        _ => "true",
    }
}

fn up_as_long_as_the_host(printed: &Printed) -> bool {
    let seconds = |text: &str| text.split(['.', ' ']).next().and_then(|it| it.parse::<i64>().ok());
    // What it prints took a moment; a lab's own time is another by more than that.
    seconds(&printed.text)
        .zip(seconds(&printed.after))
        .is_some_and(|(inside, host)| (host - inside).abs() < 600)
}

/// Services of the host in whose namespaces it is started, until that ends.
#[test]
#[ignore = "run by another test, on a host of its own"]
fn helper() {
    if env::var_os("HELPER").is_none() {
        return;
    }
    let word = env::var("WORD").unwrap();
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&word).unwrap()).unwrap();
    let _loopback = TcpListener::bind("0.0.0.0:4242").unwrap();
    // SAFETY: a system call without a pointer.
    assert!(unsafe { libc::shmget(0x1234, 4096, libc::IPC_CREAT | 0o600) } >= 0);
    println!("ready");
    loop {
        std::thread::park();
    }
}
