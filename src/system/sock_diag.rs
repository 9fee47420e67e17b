//! Looks up one TCP connection by its two ends (sock_diag(7)). To read a table in `/proc/net` the kernel walks its
//! whole hash of connections, 2 to 6 ms on a machine with 24 GB; this takes microseconds.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// `SOCK_DIAG_BY_FAMILY`, the type of the question and of the answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`; without the flag for a dump exactly one connection is looked up.
const REQUEST: u16 = 1;
/// The header of every netlink message (struct nlmsghdr), and the whole question with struct inet_diag_req_v2.
const HEADER: usize = 16;
const QUESTION: usize = HEADER + 56;
/// Fields of struct inet_diag_msg, which follows the header, and where its attributes begin.
const STATE: usize = HEADER + 1;
const UNREAD: usize = HEADER + 56;
const INODE: usize = HEADER + 68;
const ATTRIBUTES: usize = HEADER + 72;
/// The attribute that holds struct tcp_info, which the question asks for by the bit before.
const INFO: u16 = 2;
const ASK_INFO: u8 = 1 << (INFO - 1);
/// Fields of struct tcp_info (linux/tcp.h), in milliseconds and bytes.
const LAST_SENT: usize = 44;
const LAST_RECEIVED: usize = 52;
const RECEIVED: usize = 128;
/// States of a connection (include/net/tcp_states.h).
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;

/// What the kernel says of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Diagnosis {
    pub inode: u64,
    /// The other end has closed it, and this one has not.
    pub closed_by_peer: bool,
    /// Bytes that have arrived and were not read.
    pub unread: u32,
    /// Without `tcp_info` (an old kernel) `None`, as are the next two.
    pub received: Option<u64>,
    pub last_sent: Option<Duration>,
    pub last_received: Option<Duration>,
}

/// The connection between these two ends, if there is one that is established or was closed by the other end.
///
/// # Errors
/// If this kernel can't be asked in this way.
pub(super) fn diagnose(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Diagnosis>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    sendto(&socket, &question(local, remote), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 1024];
    // The kernel answers before the send returns, so the read does not wait.
    let (length, _) = recv(&socket, &mut answer, RecvFlags::DONTWAIT)?;
    Ok(parse(&answer[..length.min(answer.len())]))
}

fn question(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let mut bytes = Vec::with_capacity(QUESTION);
    bytes.extend(u32::try_from(QUESTION).unwrap_or(0).to_ne_bytes());
    bytes.extend([BY_FAMILY, REQUEST].map(u16::to_ne_bytes).concat());
    // Sequence and sender: one question, one answer.
    bytes.extend([0; 8]);
    bytes.extend([u8::try_from(family.as_raw()).unwrap_or(0), 6, ASK_INFO, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    for end in [local.ip(), remote.ip()] {
        match end {
            IpAddr::V4(ip) => bytes.extend([ip.octets().as_slice(), &[0; 12]].concat()),
            IpAddr::V6(ip) => bytes.extend(ip.octets()),
        }
    }
    // Any interface; no cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes
}

/// Reads the answer: `None` for an error, a listener or a connection in any other state.
fn parse(answer: &[u8]) -> Option<Diagnosis> {
    let state = *answer.get(STATE)?;
    if number::<2>(answer, 4).map(u16::from_ne_bytes)? != BY_FAMILY || ![ESTABLISHED, CLOSE_WAIT].contains(&state) {
        return None;
    }
    let info = info(answer);
    let ago = |at| Some(Duration::from_millis(u32::from_ne_bytes(number(info?, at)?).into()));
    Some(Diagnosis {
        inode: u32::from_ne_bytes(number(answer, INODE)?).into(),
        closed_by_peer: state == CLOSE_WAIT,
        unread: u32::from_ne_bytes(number(answer, UNREAD)?),
        received: info.and_then(|info| number(info, RECEIVED)).map(u64::from_ne_bytes),
        last_sent: ago(LAST_SENT),
        last_received: ago(LAST_RECEIVED),
    })
}

/// Attributes are a length (with its own four bytes), a type and the value, each padded to four bytes.
fn info(answer: &[u8]) -> Option<&[u8]> {
    let mut rest = answer.get(ATTRIBUTES..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(number(rest, 0)?));
        if u16::from_ne_bytes(number(rest, 2)?) == INFO {
            return rest.get(4..length);
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::time::Instant;

    use super::*;

    fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let limit = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < limit, "in vain: {what}");
        }
    }

    #[test]
    fn a_connection_is_read_until_both_ends_have_closed_it() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else { continue };
            let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut there, _) = listener.accept().unwrap();
            let link = std::fs::read_link(format!("/proc/self/fd/{}", here.as_raw_fd())).unwrap();
            let (local, remote) = (here.local_addr().unwrap(), here.peer_addr().unwrap());
            let look = || diagnose(local, remote).unwrap();
            let first = look().unwrap();
            assert_eq!(Some(format!("socket:[{}]", first.inode).as_str()), link.to_str(), "{host}");
            assert_eq!((first.unread, first.received, first.closed_by_peer), (0, Some(0), false), "{host}");
            assert_eq!(diagnose(remote, listener.local_addr().unwrap()).unwrap(), None, "{host}: a listener");

            there.write_all(b"12345").unwrap();
            let unread = until("five bytes", || look().filter(|seen| seen.unread == 5));
            assert_eq!(unread.received, Some(5), "{host}");
            here.read_exact(&mut [0; 3]).unwrap();
            assert_eq!((look().unwrap().unread, look().unwrap().received), (2, Some(5)), "{host}: two are left");

            // Each direction has a clock of its own.
            until("30 ms without a byte", || {
                look().filter(|seen| seen.last_received >= Some(Duration::from_millis(30)))
            });
            here.write_all(b"x").unwrap();
            let sent = look().unwrap();
            assert!(sent.last_sent < sent.last_received, "{host}: {sent:?}");

            // With a byte that nobody reads, its close would be a reset.
            there.read_exact(&mut [0]).unwrap();
            drop(there);
            until("its other end closed", || look().filter(|seen| seen.closed_by_peer));
            drop(here);
            until("both closed", || look().is_none().then_some(()));
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_says_nothing_false() {
        let whole = {
            let mut bytes = vec![0; ATTRIBUTES];
            bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
            bytes[STATE] = ESTABLISHED;
            bytes[INODE] = 7;
            // Another attribute of five bytes comes first.
            bytes.extend([5, 0, 9, 0, 1, 0, 0, 0, 140, 0, 2, 0]);
            bytes.extend([1; 136]);
            bytes
        };
        let full = parse(&whole).unwrap();
        assert_eq!((full.received, full.last_sent), (Some(0x0101_0101_0101_0101), full.last_received));
        for length in 0..whole.len() {
            let cut = parse(&whole[..length]);
            assert!(
                cut.is_none_or(|cut| cut == Diagnosis { received: None, last_sent: None, last_received: None, ..full }),
                "{length}"
            );
        }
    }
}
