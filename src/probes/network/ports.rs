//! Ports that wait for connections, from the kernel's own tables, with the program behind each.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::host::Host;

/// A port that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Socket {
    pub source: &'static str,
    pub protocol: &'static str,
    pub ip: IpAddr,
    pub port: u16,
    pub inode: u64,
    pub uid: u32,
}

/// A program that holds sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub pid: i64,
    pub name: String,
    pub path: Option<String>,
    pub uid: Option<u32>,
}

const TABLES: &[(&str, &str)] =
    &[("/proc/net/tcp", "tcp"), ("/proc/net/tcp6", "tcp"), ("/proc/net/udp", "udp"), ("/proc/net/udp6", "udp")];
/// Sockets that are kept.
const MOST: usize = 10_000;

/// Reads the tables; an error when even the first cannot be read.
pub(crate) fn sockets(host: &Host) -> Result<Vec<Socket>, crate::host::ReadError> {
    let mut sockets = Vec::new();
    for (source, protocol) in TABLES {
        let text = match host.read_text(source) {
            Ok(text) => text,
            // A kernel without IPv6 has no such table.
            Err(error) if error.is_not_found() && source.ends_with('6') => continue,
            Err(error) => return Err(error),
        };
        sockets.extend(text.lines().skip(1).filter_map(|line| socket(line, source, protocol)).take(MOST));
    }
    sockets.sort_by_key(|s| (s.protocol, s.port, s.ip, s.inode));
    sockets.dedup_by_key(|s| (s.protocol, s.port, s.ip));
    Ok(sockets)
}

/// proc_net(5): `sl local_address rem_address st … uid timeout inode`, addresses as the processor keeps them.
fn socket(line: &str, source: &'static str, protocol: &'static str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let local = words.next()?;
    let remote = words.next()?;
    let state = words.next()?;
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    let waits = match protocol {
        "tcp" => state == "0A",
        // A socket that talks to one address alone answers nobody else.
        _ => state == "07" && remote.ends_with(":0000"),
    };
    let (ip, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (waits && port != 0).then_some(Socket { source, protocol, ip: address(ip)?, port, inode, uid })
}

/// Words of 32 bits in hexadecimal.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at.checked_add(8)?)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0_u8; 16];
            for (part, at) in bytes.chunks_mut(4).zip([0, 8, 16, 24]) {
                part.copy_from_slice(&word(at)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// Who holds which socket, by the socket's number. Without root only our own programs are seen; the second answer
/// says whether some were hidden.
pub(super) fn holders(host: &Host, wanted: &HashSet<u64>) -> (HashMap<u64, Holder>, bool) {
    let mut found: HashMap<u64, Holder> = HashMap::new();
    let mut hidden = false;
    let mut processes: Vec<_> = host.list("/proc").unwrap_or_default();
    processes.retain(|e| e.name.bytes().all(|b| b.is_ascii_digit()));
    // Servers start their helpers later: the oldest holder is the one to name.
    processes.sort_by_key(|e| e.name.parse::<u64>().unwrap_or(u64::MAX));
    for entry in processes {
        if found.len() >= wanted.len() || host.late() {
            break;
        }
        let Ok(files) = host.list(&format!("{}/fd", entry.path)) else {
            hidden |= host.exists(&entry.path);
            continue;
        };
        let mut holder = None;
        for file in files {
            let Ok(target) = host.read_link(&file.path) else { continue };
            let inode = target.strip_prefix("socket:[").and_then(|t| t.strip_suffix(']')).and_then(|n| n.parse().ok());
            let Some(inode) = inode.filter(|i| wanted.contains(i) && !found.contains_key(i)) else { continue };
            let holder = holder.get_or_insert_with(|| describe(host, &entry.path, &entry.name));
            found.insert(inode, holder.clone());
        }
    }
    (found, hidden)
}

fn describe(host: &Host, folder: &str, pid: &str) -> Holder {
    let status = host.read_text(&format!("{folder}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
    let path = host.read_link(&format!("{folder}/exe")).ok();
    Holder {
        pid: pid.parse().unwrap_or(0),
        name: field("Name:").unwrap_or_default().to_owned(),
        path: path.map(|p| p.trim_end_matches(" (deleted)").to_owned()),
        uid: field("Uid:").and_then(|u| u.split_ascii_whitespace().nth(1)?.parse().ok()),
    }
}
