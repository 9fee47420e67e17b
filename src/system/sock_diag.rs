//! Looks up one TCP connection by its two ends (sock_diag(7)). To read a table in `/proc/net` the kernel walks its
//! whole hash of connections, 2 to 6 ms on a machine with 24 GB; this takes microseconds.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// `SOCK_DIAG_BY_FAMILY`, the type of the question and of the answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`; without the flag for a dump exactly one connection is looked up.
const REQUEST: u16 = 1;
/// The header of every netlink message (struct nlmsghdr), and the whole question with struct inet_diag_req_v2.
const HEADER: usize = 16;
const QUESTION: usize = HEADER + 56;
/// In struct inet_diag_msg, after the header.
const STATE: usize = HEADER + 1;
const INODE: usize = HEADER + 68;
const ESTABLISHED: u8 = 1;

/// The inode of the established connection between these two ends, if there is one.
///
/// # Errors
/// If this kernel can't be asked in this way.
pub(super) fn established(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u64>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    sendto(&socket, &question(local, remote), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 512];
    // The kernel answers before the send returns, so the read does not wait.
    let (length, _) = recv(&socket, &mut answer, RecvFlags::DONTWAIT)?;
    Ok(inode(&answer[..length]))
}

fn question(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let mut bytes = Vec::with_capacity(QUESTION);
    bytes.extend(u32::try_from(QUESTION).unwrap_or(0).to_ne_bytes());
    bytes.extend([BY_FAMILY, REQUEST].map(u16::to_ne_bytes).concat());
    // Sequence and sender: one question, one answer.
    bytes.extend([0; 8]);
    bytes.extend([u8::try_from(family.as_raw()).unwrap_or(0), 6, 0, 0]);
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

/// Reads the answer: `None` for an error, a listener or a connection that is being closed.
fn inode(answer: &[u8]) -> Option<u64> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let inode = u32::from_ne_bytes(answer.get(INODE..INODE + 4)?.try_into().ok()?);
    (kind == BY_FAMILY && answer.get(STATE) == Some(&ESTABLISHED)).then_some(u64::from(inode))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_connection_is_found_until_the_other_end_closes_it() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else { continue };
            let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (there, _) = listener.accept().unwrap();
            let link = std::fs::read_link(format!("/proc/self/fd/{}", here.as_raw_fd())).unwrap();
            let (local, remote) = (here.local_addr().unwrap(), here.peer_addr().unwrap());
            let found = established(local, remote).unwrap();
            assert_eq!(found.map(|inode| format!("socket:[{inode}]")).as_deref(), link.to_str(), "{host}");
            assert_eq!(established(remote, listener.local_addr().unwrap()).unwrap(), None, "{host}: a listener");
            drop(there);
            let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while established(local, remote).unwrap().is_some() {
                assert!(std::time::Instant::now() < until, "{host}: closed by the other end");
            }
        }
    }
}
