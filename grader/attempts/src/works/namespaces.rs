//! What the container's namespaces must show: process 1, a name of its own, a loopback interface that is up.

use super::directories::{UNMAPPED, owner_of_root};
use super::{InStart, Work, nothing_to_do, nothing_to_see};
use crate::Inside;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn};
use nix::sys::socket::{accept, bind, connect, getsockname, listen, socket};
use std::os::fd::AsRawFd;

/// The command is process 1.
pub const PID_1: Work = Work {
    id: "pid-1",
    first_lab: 1,
    what: "The command is process 1 of the container.",
    man: &["pid_namespaces(7)"],
    after: &[],
    run: InStart::Pipes,
    inside: nothing_to_do,
    judge: |host| match (host.shares("pid"), host.attacker.nspid.last()) {
        (Some(false), Some(1)) => Ok(()),
        (Some(false), Some(number)) => Err(format!("it is process {number} of its PID namespace")),
        (Some(true), _) => Err("it is in the host's PID namespace".into()),
        _ => Err("the host could not read its PID namespace".into()),
    },
};

/// Root is root.
pub const ROOT_INSIDE: Work = Work {
    id: "root-inside",
    first_lab: 1,
    what: "The command is uid and gid 0, and the root directory belongs to root, if to an id of the container.",
    man: &["user_namespaces(7)", "credentials(7)"],
    after: &[],
    run: InStart::Pipes,
    inside: |_| {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        if !uid.is_root() || gid.as_raw() != 0 {
            return Err(format!("the command is uid {uid}, gid {gid}"));
        }
        match owner_of_root()? {
            0 | UNMAPPED => Ok(()),
            other => Err(format!("the root directory belongs to uid {other}")),
        }
    },
    judge: nothing_to_see,
};

/// The container has a name.
pub const HOST_NAME: Work = Work {
    id: "host-name",
    first_lab: 1,
    what: "The container has a host name of its own.",
    man: &["uts_namespaces(7)", "sethostname(2)"],
    after: &[],
    run: InStart::Pipes,
    inside: |me| {
        let name = nix::unistd::gethostname().map_err(|errno| format!("gethostname: {errno}"))?;
        me.bring_out(name.as_encoded_bytes());
        Ok(())
    },
    judge: |host| {
        if host.hostname.0 != host.hostname.1 {
            return Err(format!("the host's own name became {:?}", host.hostname.1));
        }
        match host.shares("uts") {
            Some(false) if host.said.is_empty() || host.said == b"(none)" => Err("it has no name".into()),
            Some(false) if host.said == host.hostname.0.as_bytes() => Err("it has the host's name".into()),
            Some(false) => Ok(()),
            _ => Err("it is in the host's UTS namespace".into()),
        }
    },
};

/// The container's own loopback interface is up.
pub const LOOPBACK_UP: Work = Work {
    id: "loopback-up",
    first_lab: 1,
    what: "The container has a loopback interface of its own, and it is up: a server on 127.0.0.1 can be reached.",
    man: &["network_namespaces(7)", "netdevice(7)"],
    after: &[],
    run: InStart::Pipes,
    inside: connect_to_oneself,
    judge: |host| match host.shares("net") {
        Some(false) => Ok(()),
        Some(true) => Err("it is the host's own interface".into()),
        None => Err("the host could not read its network namespace".into()),
    },
};

fn connect_to_oneself(_: &mut Inside) -> Result<(), String> {
    let said = |call: &'static str| move |errno: nix::Error| format!("{call} on 127.0.0.1: {errno}");
    let stream = || socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    let server = stream().map_err(said("socket"))?;
    bind(server.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).map_err(said("bind"))?;
    listen(&server, Backlog::new(1).expect("one is allowed")).map_err(said("listen"))?;
    let address: SockaddrIn = getsockname(server.as_raw_fd()).map_err(said("getsockname"))?;
    let client = stream().map_err(said("socket"))?;
    connect(client.as_raw_fd(), &address).map_err(said("connect"))?;
    let accepted = accept(server.as_raw_fd()).map_err(said("accept"))?;
    nix::unistd::close(accepted).map_err(said("close"))
}
