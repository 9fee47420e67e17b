//! Whether this machine reaches Telegram: a probe of its data centres, and where none answers, whether any process has a
//! connection to it. A captive portal accepts every connection, so behind one the machine counts as online.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use ipnet::IpNet;

/// Whether one of `addresses` accepts a connection within `limit`, or else a process of this machine has a connection into
/// `ranges` that works. Without a route there is none, whatever the kernel still keeps of a connection.
///
/// # Errors
/// If the machine gives no thread: then nothing was tried.
pub fn online(addresses: &[SocketAddr], ranges: &[IpNet], limit: Duration) -> Result<bool, String> {
    Ok(match probe(addresses, limit)? {
        Probe::Accepted => true,
        Probe::NoRoute => false,
        Probe::Failed => platform::somebody_is_connected(ranges),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Accepted,
    Failed,
    /// To none of them: there is no default route, neither for IPv4 nor for IPv6.
    NoRoute,
}

/// All are tried at once; without a route the kernel says so without sending a packet.
fn probe(addresses: &[SocketAddr], limit: Duration) -> Result<Probe, String> {
    let (sender, answers) = channel();
    for &address in addresses {
        let sender = sender.clone();
        let ask = move || sender.send(TcpStream::connect_timeout(&address, limit).map(drop).map_err(|e| e.kind()));
        let thread = std::thread::Builder::new().name("network".into()).stack_size(256 << 10);
        thread.spawn(ask).map_err(|error| format!("the machine gives no thread: {error}"))?;
    }
    drop(sender);
    let mut probe = Probe::NoRoute;
    for answer in answers {
        match answer {
            Ok(()) => return Ok(Probe::Accepted),
            // A machine without IPv6 has no address to call from.
            Err(ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable) => {}
            Err(_) => probe = Probe::Failed,
        }
    }
    Ok(probe)
}

#[cfg(target_os = "linux")]
mod platform {
    use std::fs;
    use std::net::IpAddr;

    use ipnet::IpNet;

    use crate::system::connection::{address, is_in};

    pub(super) fn somebody_is_connected(ranges: &[IpNet]) -> bool {
        tables().iter().any(|remote| is_in(*remote, ranges))
    }

    /// The far ends of the connections of all processes in this network namespace.
    fn tables() -> Vec<IpAddr> {
        let texts = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/self/net/{table}")));
        texts.iter().flatten().flat_map(|text| text.lines().skip(1).filter_map(working)).collect()
    }

    /// Fields of proc(5): 2 the far end in hex, 3 the state (01 is ESTABLISHED), 6 and 8 how often something was sent in
    /// vain: for many minutes the kernel keeps a connection whose network is gone.
    pub(super) fn working(line: &str) -> Option<IpAddr> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let in_vain = |at: usize, radix| u32::from_str_radix(fields.get(at)?, radix).ok();
        let works = *fields.get(3)? == "01" && in_vain(6, 16)? == 0 && in_vain(8, 10)? == 0;
        address(fields.get(2)?).map(|end| end.ip()).filter(|_| works)
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use ipnet::IpNet;
    use libproc::processes::{ProcFilter, pids_by_type};

    use crate::system::connection::{far_ends, is_in};

    /// Of the processes that we may look at: this user's.
    pub(super) fn somebody_is_connected(ranges: &[IpNet]) -> bool {
        let pids = pids_by_type(ProcFilter::All).unwrap_or_default();
        pids.into_iter().any(|pid| far_ends(pid).is_ok_and(|ends| ends.iter().any(|&end| is_in(end, ranges))))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn online_is_an_accepted_connection() {
        // Not an address whose sockets other tests count.
        let host = if cfg!(target_os = "linux") { "127.0.0.1:0" } else { "[::1]:0" };
        let listener = TcpListener::bind(host).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(online(&[address], &[], Duration::from_secs(2)), Ok(true));
        drop(listener);
        assert_eq!(online(&[address], &[], Duration::from_secs(2)), Ok(false));
    }

    /// Twins of R08a: an IPv6-only machine, and one whose data centres are blocked while another client is connected.
    #[cfg(target_os = "linux")]
    #[test]
    fn r08a_one_family_is_enough_and_so_is_another_clients_connection() {
        if let Ok(listener) = TcpListener::bind("[::1]:0") {
            let closed: SocketAddr = "127.0.0.1:1".parse().unwrap();
            let addresses = [closed, listener.local_addr().unwrap()];
            assert_eq!(online(&addresses, &[], Duration::from_secs(2)), Ok(true));
        }
        // No other test connects to this address.
        let listener = TcpListener::bind("127.0.0.11:0").unwrap();
        let ranges: Vec<IpNet> = vec!["127.0.0.11/32".parse().unwrap()];
        let closed: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(online(&[closed], &ranges, Duration::from_secs(2)), Ok(false));
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while online(&[closed], &ranges, Duration::from_secs(2)) != Ok(true) {
            assert!(std::time::Instant::now() < until, "another client's connection is not seen");
        }
        drop(client);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn r08a_a_connection_whose_network_is_gone_is_none() {
        let line = |state: &str, unanswered: &str, probes: &str| {
            format!(
                "  30: 0100007F:CD3A 33A79A95:01BB {state} 00000000:00000000 00:00000000 {unanswered}  1000 {probes} 223384 1 0"
            )
        };
        let rows = [
            ("01", "00000000", "0", true),
            ("01", "00000003", "0", false),
            ("01", "00000000", "2", false),
            ("08", "00000000", "0", false),
        ];
        for (state, unanswered, probes, works) in rows {
            let seen = platform::working(&line(state, unanswered, probes));
            assert_eq!(seen.is_some(), works, "{state} {unanswered} {probes}");
        }
    }
}
