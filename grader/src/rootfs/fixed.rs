//! What is the same in every embedded rootfs: the directories, the links between them, and `/etc`.

/// The directories, with their modes, parents first. `data` waits for a volume, the others for what a container
/// mounts on them. There is no device node: making one takes privilege, and a container brings its own `/dev`.
pub(super) const DIRECTORIES: &[(&str, u32)] = &[
    ("bin", 0o755),
    ("data", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

/// All programs lie in `/bin`; scripts also name `/usr/bin/env` and the like.
pub(super) const LINKS: &[(&str, &str)] = &[("sbin", "bin"), ("usr/bin", "../bin"), ("usr/sbin", "../bin")];

/// `/etc`, but for `machine-id`. glibc asks nsswitch.conf(5) where users are; without it some versions ask a
/// library which is not here.
pub(super) const ETC: &[(&str, &str)] = &[
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         student:x:1000:1000:student:/home:/bin/sh\n\
         nobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("group", "root:x:0:\nstudent:x:1000:\nnobody:x:65534:\n"),
    ("hostname", "container\n"),
    ("hosts", "127.0.0.1 localhost container\n::1 localhost\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    (
        "os-release",
        "NAME=\"Container Labs\"\nID=container-labs\nVERSION_ID=1\n\
         PRETTY_NAME=\"Container Labs (the embedded root file system)\"\n",
    ),
];
