//! What the container's namespaces must show: process 1, a name of its own, a loopback interface that is up.

use super::calls::{number, said};
use super::directories::{UNMAPPED, owner_of_root};
use super::{InStart, Work, nothing_to_do, nothing_to_see};
use crate::Attacker;
use crate::attacker::{Argument, Failed};
use nix::errno::Errno;
use nix::libc::{self, c_int};
use std::time::Duration;

/// The command is process 1.
pub const PID_1: Work = Work {
    id: "pid-1",
    first_lab: 1,
    what: "The command is process 1 of the container; or, in no lab, another of its own is: an init.",
    man: &["pid_namespaces(7)"],
    after: &[],
    run: InStart::Pipes,
    calls: nothing_to_do,
    judge: |host| match (host.shares("pid"), host.attacker.nspid.last()) {
        (Some(false), Some(1)) => Ok(()),
        (Some(false), Some(_)) if !host.is_lab => Ok(()),
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
    calls: |me| {
        let uid = number(me, "geteuid", libc::SYS_geteuid)?;
        let gid = number(me, "getegid", libc::SYS_getegid)?;
        if (uid, gid) != (0, 0) {
            return Err(format!("the command is uid {uid}, gid {gid}"));
        }
        match owner_of_root(me)? {
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
    calls: |me| {
        let names = me.call("uname", libc::SYS_uname, [Argument::room(6 * FIELD)]).map_err(said("uname"))?;
        // The second one.
        let name = names.rooms[0].iter().skip(FIELD).take_while(|byte| **byte != 0);
        me.taken.extend(name);
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

/// Each field of `struct new_utsname` of include/uapi/linux/utsname.h, in bytes.
const FIELD: usize = 65;

/// The container's own loopback interface is up.
pub const LOOPBACK_UP: Work = Work {
    id: "loopback-up",
    first_lab: 1,
    what: "The container has a loopback interface of its own, and it is up: a server on 127.0.0.1 can be reached.",
    man: &["network_namespaces(7)", "netdevice(7)"],
    after: &[],
    run: InStart::Pipes,
    calls: connect_to_oneself,
    judge: |host| match host.shares("net") {
        Some(false) => Ok(()),
        Some(true) => Err("it is the host's own interface".into()),
        None => Err("the host could not read its network namespace".into()),
    },
};

/// A connection is there within this time.
const CONNECTED: Duration = Duration::from_secs(1);

fn connect_to_oneself(me: &mut Attacker) -> Result<(), String> {
    let server = socket(me)?;
    // `struct sockaddr_in`: the family, the port (the kernel chooses), the address, and eight bytes.
    let any_port = [&(libc::AF_INET as u16).to_ne_bytes()[..], &[0, 0], &[127, 0, 0, 1], &[0; 8]].concat();
    bind(me, "bind", libc::SYS_bind, server, any_port).map_err(said("bind on 127.0.0.1"))?;
    me.call("listen", libc::SYS_listen, [server.into(), 1.into()]).map_err(said("listen on 127.0.0.1"))?;
    let length = Argument::Room(16_u32.to_ne_bytes().to_vec());
    let own = me.call("getsockname", libc::SYS_getsockname, [server.into(), Argument::room(16), length]);
    let address = own.map_err(said("getsockname on 127.0.0.1"))?.rooms.swap_remove(0);
    let client = socket(me)?;
    match bind(me, "connect", libc::SYS_connect, client, address) {
        // It does not wait; who connects does.
        Ok(()) | Err(Failed::Refused(Errno::EINPROGRESS)) => {}
        Err(failed) => return Err(said("connect on 127.0.0.1")(failed)),
    }
    if !me.is_readable(server, CONNECTED).map_err(said("127.0.0.1"))? {
        return Err("on 127.0.0.1 no connection comes about".into());
    }
    let accepted = me.call("accept4", libc::SYS_accept4, [server.into(), 0.into(), 0.into(), 0.into()]);
    let accepted = accepted.map_err(said("accept on 127.0.0.1"))?.value as c_int;
    [accepted, client, server].into_iter().try_for_each(|it| me.close(it).map_err(said("close")))
}

fn socket(me: &mut Attacker) -> Result<c_int, String> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let made = me.call("socket", libc::SYS_socket, [libc::AF_INET.into(), kind.into(), 0.into()]);
    Ok(made.map_err(said("socket"))?.value as c_int)
}

/// bind(2) or connect(2).
fn bind(
    me: &mut Attacker,
    name: &'static str,
    number: libc::c_long,
    socket: c_int,
    address: Vec<u8>,
) -> Result<(), Failed> {
    let length = address.len() as i64;
    me.call(name, number, [socket.into(), Argument::Bytes(address), length.into()]).map(drop)
}
