//! The bridge's sockets to addresses in Telegram's ranges.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::facts::Connection;

/// The bridge's connections, remembered from look to look: a known one is looked up directly, and only if none of them
/// leads to Telegram any more are all sockets of its processes listed.
#[derive(Default)]
pub struct Sockets {
    known: Vec<platform::Socket>,
}

impl Sockets {
    /// The connections of these processes into `ranges`. Where there are none, all their other TCP connections: one of
    /// them may lead to Telegram through a proxy.
    ///
    /// # Errors
    /// If the sockets of the first of them can't be listed (it is another user's, or gone meanwhile).
    pub fn look(&mut self, family: &[u32], ranges: &[IpNet]) -> Result<Vec<Connection>, String> {
        let telegram = |socket: &platform::Socket| is_in(platform::remote(socket), ranges);
        self.known.retain(|socket| telegram(socket) && family.contains(&platform::owner(socket)));
        let mut connections = self.asked(telegram);
        if !connections.iter().any(|connection| !connection.closed_by_peer) {
            self.known = platform::listed(family)
                .map_err(|error| format!("the sockets of pid {} can't be listed: {error}", family[0]))?;
            if self.known.iter().any(telegram) {
                self.known.retain(telegram);
            }
            connections = self.asked(telegram);
        }
        Ok(connections)
    }

    /// Which of `family` holds a connection into Telegram's ranges, by the last look.
    pub fn owner(&self, family: &[u32], ranges: &[IpNet]) -> Option<u32> {
        let found = self.known.iter().find(|socket| is_in(platform::remote(socket), ranges));
        found.map(platform::owner).filter(|owner| family.contains(owner))
    }

    /// Those that are still there.
    fn asked(&mut self, telegram: impl Fn(&platform::Socket) -> bool) -> Vec<Connection> {
        let mut connections = Vec::new();
        self.known.retain(|socket| {
            let seen = platform::look(socket).map(|seen| Connection { telegram: telegram(socket), ..seen });
            let there = seen.is_some();
            connections.extend(seen);
            there
        });
        connections
    }
}

/// The far ends of a process's established sockets.
///
/// # Errors
/// If they can't be listed.
pub(super) fn far_ends(pid: u32) -> std::io::Result<Vec<IpAddr>> {
    Ok(platform::listed(&[pid])?.iter().map(platform::remote).collect())
}

#[cfg(target_os = "linux")]
pub(super) use platform::address;

/// A socket for both kinds of addresses shows an IPv4 address mapped into IPv6.
pub(super) fn is_in(address: IpAddr, ranges: &[IpNet]) -> bool {
    let address = address.to_canonical();
    ranges.iter().any(|range| range.contains(&address))
}

#[cfg(target_os = "linux")]
mod platform {
    use std::collections::HashMap;
    use std::fs;
    use std::io;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    use crate::facts::Connection;
    use crate::system::sock_diag;

    pub(super) struct Socket {
        pid: u32,
        fd: u32,
        inode: u64,
        local: SocketAddr,
        remote: SocketAddr,
    }

    pub(super) fn remote(socket: &Socket) -> IpAddr {
        socket.remote.ip()
    }

    pub(super) fn owner(socket: &Socket) -> u32 {
        socket.pid
    }

    /// What the kernel says of this socket, if its process still holds it.
    pub(super) fn look(socket: &Socket) -> Option<Connection> {
        if inode_of(socket.pid, socket.fd) != Some(socket.inode) {
            return None;
        }
        let seen = sock_diag::diagnose(socket.local, socket.remote).ok()??;
        (seen.inode == socket.inode).then(|| Connection {
            id: seen.inode,
            telegram: false,
            closed_by_peer: seen.closed_by_peer,
            unread: seen.unread,
            read: seen.received.map(|received| received.saturating_sub(seen.unread.into())),
            sent: seen.last_sent,
            received: seen.last_received,
        })
    }

    /// `/proc/PID/net/tcp` lists the sockets of the network namespace, `/proc/PID/fd` those of the process. A relative
    /// that is gone has none.
    pub(super) fn listed(family: &[u32]) -> io::Result<Vec<Socket>> {
        let mut mine = HashMap::new();
        for (nth, &pid) in family.iter().enumerate() {
            let fds = match fs::read_dir(format!("/proc/{pid}/fd")) {
                Err(error) if nth == 0 => return Err(error),
                Err(_) => continue,
                Ok(fds) => fds.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()),
            };
            for (inode, fd) in fds.filter_map(|fd| Some((inode_of(pid, fd)?, fd))) {
                mine.entry(inode).or_insert((pid, fd));
            }
        }
        let mut sockets = Vec::new();
        for table in ["tcp", "tcp6"] {
            if mine.is_empty() {
                break;
            }
            let text = fs::read_to_string(format!("/proc/{}/net/{table}", family[0])).unwrap_or_default();
            sockets.extend(text.lines().skip(1).filter_map(|line| listed_socket(line, &mut mine)));
        }
        Ok(sockets)
    }

    fn inode_of(pid: u32, fd: u32) -> Option<u64> {
        let link = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    }

    /// Fields of proc(5): 1 and 2 the addresses in hex, 3 the state (01 is ESTABLISHED, 08 CLOSE_WAIT), 9 the inode. A
    /// socket is removed from `mine`: the kernel returns the table a page at a time, and repeats a line if another was
    /// added before it meanwhile.
    pub(super) fn listed_socket(line: &str, mine: &mut HashMap<u64, (u32, u32)>) -> Option<Socket> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let inode: u64 = fields.get(9)?.parse().ok()?;
        if !matches!(*fields.get(3)?, "01" | "08") {
            return None;
        }
        let (pid, fd) = mine.remove(&inode)?;
        Some(Socket { pid, fd, inode, local: address(fields.get(1)?)?, remote: address(fields.get(2)?)? })
    }

    /// Words in the byte order of the machine, then the port as a number.
    pub(in crate::system) fn address(text: &str) -> Option<SocketAddr> {
        let (hex, port) = text.split_once(':')?;
        let mut bytes = Vec::new();
        for at in (0..hex.len()).step_by(8) {
            bytes.extend(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
        }
        let ip = match bytes.len() {
            4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
            _ => return None,
        };
        Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use std::io;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use libproc::bsd_info::BSDInfo;
    use libproc::file_info::{ListFDs, ProcFDType, pidfdinfo};
    use libproc::net_info::{SocketFDInfo, SocketInfoKind, TcpSIState};
    use libproc::proc_pid::{listpidinfo, pidinfo};

    use crate::facts::Connection;

    /// Read when it was listed: a full look is cheap here.
    pub(super) struct Socket {
        pid: u32,
        remote: IpAddr,
        seen: Connection,
    }

    pub(super) fn remote(socket: &Socket) -> IpAddr {
        socket.remote
    }

    pub(super) fn owner(socket: &Socket) -> u32 {
        socket.pid
    }

    pub(super) fn look(socket: &Socket) -> Option<Connection> {
        let now = listed(&[socket.pid]).ok()?;
        now.into_iter().map(|other| other.seen).find(|seen| seen.id == socket.seen.id)
    }

    /// libproc's descriptor list of each process; no `lsof`, which hangs and stalls Finder.
    pub(super) fn listed(family: &[u32]) -> io::Result<Vec<Socket>> {
        let mut sockets = Vec::new();
        for (nth, &pid) in family.iter().enumerate() {
            match of(pid) {
                Ok(found) => sockets.extend(found),
                Err(error) if nth == 0 => return Err(error),
                Err(_) => {}
            }
        }
        Ok(sockets)
    }

    fn of(process: u32) -> io::Result<Vec<Socket>> {
        let pid = i32::try_from(process).map_err(io::Error::other)?;
        let info = pidinfo::<BSDInfo>(pid, 0).map_err(io::Error::other)?;
        let descriptors = listpidinfo::<ListFDs>(pid, info.pbi_nfiles as usize).map_err(io::Error::other)?;
        let sockets = descriptors.iter().filter(|fd| matches!(ProcFDType::from(fd.proc_fdtype), ProcFDType::Socket));
        Ok(sockets
            .filter_map(|fd| {
                let (remote, seen) = read(&pidfdinfo::<SocketFDInfo>(pid, fd.proc_fd).ok()?)?;
                Some(Socket { pid: process, remote, seen })
            })
            .collect())
    }

    fn read(socket: &SocketFDInfo) -> Option<(IpAddr, Connection)> {
        if !matches!(SocketInfoKind::from(socket.psi.soi_kind), SocketInfoKind::Tcp) {
            return None;
        }
        // SAFETY: the kind says that the union holds a TCP socket.
        let tcp = unsafe { socket.psi.soi_proto.pri_tcp };
        let closed_by_peer = match TcpSIState::from(tcp.tcpsi_state) {
            TcpSIState::Established => false,
            TcpSIState::CloseWait => true,
            _ => return None,
        };
        let ini = tcp.tcpsi_ini;
        // SAFETY: the flag says which address the union holds; 1 is INI_IPV4.
        let remote = unsafe {
            if ini.insi_vflag & 1 != 0 {
                IpAddr::V4(Ipv4Addr::from(ini.insi_faddr.ina_46.i46a_addr4.s_addr.to_ne_bytes()))
            } else {
                IpAddr::V6(Ipv6Addr::from(ini.insi_faddr.ina_6.s6_addr))
            }
        };
        let unread = socket.psi.soi_rcv.sbi_cc;
        // The kernel counts no bytes here and keeps no time of the last one.
        let seen = Connection {
            id: socket.psi.soi_so,
            telegram: false,
            closed_by_peer,
            unread,
            read: None,
            sent: None,
            received: None,
        };
        Some((remote, seen))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};
    use std::time::Duration;

    use rustix::net::{AddressFamily, SocketType};

    use super::*;

    #[test]
    fn a_mapped_address_is_in_the_range_of_its_v4_one() {
        let rows = [
            ("149.154.167.51", "149.154.160.0/20", true),
            ("149.154.176.1", "149.154.160.0/20", false),
            ("::ffff:149.154.167.51", "149.154.160.0/20", true),
            ("::ffff:149.154.176.1", "149.154.160.0/20", false),
            ("2001:67c:4e8:f002::a", "2001:67c:4e8::/48", true),
            ("2001:67c:4e9::a", "2001:67c:4e8::/48", false),
            ("149.154.167.51", "::/0", false),
            ("1.2.3.4", "0.0.0.0/0", true),
        ];
        for (address, range, expected) in rows {
            assert_eq!(is_in(address.parse().unwrap(), &[range.parse().unwrap()]), expected, "{address} in {range}");
        }
    }

    #[test]
    fn only_an_established_socket_counts() {
        // `cargo test` runs all tests in this process, so no other one connects to this address. On a Mac it is all that
        // there is of IPv4.
        let host: IpAddr = if cfg!(target_os = "linux") { "127.0.0.8" } else { "127.0.0.1" }.parse().unwrap();
        let listener = TcpListener::bind((host, 0)).unwrap();
        let ranges = [host.into()];
        let count = || {
            let seen = Sockets::default().look(&[std::process::id()], &ranges).unwrap();
            seen.iter().filter(|connection| connection.telegram && !connection.closed_by_peer).count()
        };
        // Linux's table is read in pieces, and misses one of its lines where connections come and go meanwhile.
        let reaches = |expected: usize| {
            let until = std::time::Instant::now() + Duration::from_secs(10);
            while count() != expected {
                assert!(std::time::Instant::now() < until, "{} instead of {expected}", count());
            }
        };
        reaches(0);
        // Bound, or Linux would call from 127.0.0.1.
        let ours = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&ours, &SocketAddr::new(host, 0)).unwrap();
        rustix::net::connect(&ours, &listener.local_addr().unwrap()).unwrap();
        reaches(1);
        let (theirs, _) = listener.accept().unwrap();
        reaches(2);
        drop((ours, theirs));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_line_that_the_kernel_gives_twice_is_one_socket() {
        let line =
            "  30: 0100007F:CD3A 0900007F:94D1 01 00000000:00000000 00:00000000 00000000     0        0 223384 1 0";
        let mut mine = std::collections::HashMap::from([(223_384, (1, 7))]);
        let sockets = [line, line].into_iter().filter_map(|line| platform::listed_socket(line, &mut mine));
        assert_eq!(sockets.map(|socket| platform::remote(&socket)).collect::<Vec<_>>(), [IpAddr::from([127, 0, 0, 9])]);
    }

    // The whole of 127.0.0.0/8 is there on Linux only.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_known_socket_is_asked_for_by_name_until_its_other_end_closes() {
        // No other test connects to this address.
        let listener = TcpListener::bind("127.0.0.9:0").unwrap();
        let ranges = ["127.0.0.9/32".parse().unwrap()];
        let me = std::process::id();
        let mut remembered = Sockets::default();
        let telegram = |remembered: &mut Sockets| {
            let seen = remembered.look(&[me], &ranges).unwrap();
            seen.into_iter().filter(|connection| connection.telegram).collect::<Vec<_>>()
        };
        assert_eq!(telegram(&mut remembered), []);
        assert_eq!(remembered.owner(&[me], &ranges), None);
        let ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while telegram(&mut remembered).len() != 1 {
            let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
            assert!(std::time::Instant::now() < until, "a new connection is not seen: {ours:?}\n{table}");
        }
        assert_eq!(remembered.owner(&[me], &ranges), Some(me));
        assert_eq!(remembered.owner(&[1], &ranges), None, "of another family");
        let (theirs, _) = listener.accept().unwrap();
        assert!(!telegram(&mut remembered)[0].closed_by_peer, "the known one is enough");
        drop(theirs);
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while !telegram(&mut remembered)[0].closed_by_peer {
            assert!(std::time::Instant::now() < until, "closed by the other end");
        }
        drop(ours);
        assert_eq!(telegram(&mut remembered), []);
    }
}
