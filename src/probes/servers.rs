//! What the readers of servers share: where an address leads, which programs are here.

use std::net::{IpAddr, Ipv6Addr};

use crate::{facts::Reason, host::Host};

/// Who can come to an address that a server listens on: `any`, `private`, `loopback`, `none` (no network at all) or
/// `unknown` for a name that /etc/hosts does not know.
pub(crate) fn reach_of_listener(host: &Host, address: &str) -> &'static str {
    let address = address.trim().trim_start_matches('-');
    let bare = address.trim_start_matches('[').split(']').next().unwrap_or(address);
    let bare = bare.split('%').next().unwrap_or(bare);
    match bare {
        "" | "none" => return "none",
        "*" | "0.0.0.0" | "::" | "::*" => return "any",
        path if path.starts_with('/') || path.starts_with("unix:") => return "none",
        _ => {}
    }
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return reach_of_ip(ip);
    }
    if bare.eq_ignore_ascii_case("localhost") || bare.eq_ignore_ascii_case("ip6-localhost") {
        return "loopback";
    }
    let hosts = host.read_text("/etc/hosts").unwrap_or_default();
    let known = hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let ip = words.next()?.parse::<IpAddr>().ok()?;
        words.any(|w| w.eq_ignore_ascii_case(bare)).then(|| reach_of_ip(ip))
    });
    known.unwrap_or("unknown")
}

/// From where an address of this machine can be reached.
pub(crate) fn reach_of_ip(ip: IpAddr) -> &'static str {
    let ip = match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 => v4,
    };
    if ip.is_loopback() {
        return "loopback";
    }
    let private = match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => is_local_v6(v6),
    };
    if private { "private" } else { "any" }
}

fn is_local_v6(ip: Ipv6Addr) -> bool {
    let [first, ..] = ip.octets();
    let [segment, ..] = ip.segments();
    first & 0xfe == 0xfc || segment & 0xffc0 == 0xfe80
}

/// The widest of several; `none` when there are none.
pub(crate) fn widest<'a>(all: impl IntoIterator<Item = &'a str>) -> &'static str {
    let rank = |r: &str| REACHES.iter().position(|known| *known == r).unwrap_or(0);
    let best = all.into_iter().map(rank).max().unwrap_or(0);
    REACHES.get(best).copied().unwrap_or("none")
}

/// The narrower of two.
pub(crate) fn narrower(a: &str, b: &str) -> &'static str {
    let rank = |r: &str| REACHES.iter().position(|known| *known == r).unwrap_or(0);
    REACHES.get(rank(a).min(rank(b))).copied().unwrap_or("none")
}

const REACHES: [&str; 5] = ["none", "loopback", "private", "unknown", "any"];

/// The first of these programs that is installed.
pub(crate) fn program(host: &Host, paths: &[&'static str]) -> Option<&'static str> {
    paths.iter().copied().find(|p| host.exists(p))
}

/// Whether a configuration word means yes.
pub(crate) fn is_yes(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "on" | "yes" | "true" | "1" | "enable" | "enabled")
}

/// A line number for a table.
pub(crate) fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Why settings that have no end are read to our own only.
pub(crate) fn too_much() -> Reason {
    Reason::Broken("there are too many files or settings".to_owned())
}

/// `name` beside the file `from`, unless it is absolute.
pub(crate) fn beside(from: &str, name: &str) -> String {
    if name.starts_with('/') {
        return name.to_owned();
    }
    let dir = from.rsplit_once('/').map_or("", |(dir, _)| dir);
    format!("{dir}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_they_lead() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        std::fs::write(dir.path().join("etc/hosts"), "10.1.2.3 db.internal db\n").unwrap();
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, Default::default()).unwrap();
        for (address, reach) in [
            ("*", "any"),
            ("0.0.0.0", "any"),
            ("[::]", "any"),
            ("::", "any"),
            ("-::1", "loopback"),
            ("127.0.0.1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("localhost", "loopback"),
            ("10.0.0.5", "private"),
            ("100.64.1.1", "private"),
            ("fe80::1%eth0", "private"),
            ("fd00::1", "private"),
            ("203.0.113.7", "any"),
            ("db.internal", "private"),
            ("db.example.org", "unknown"),
            ("/run/x.sock", "none"),
        ] {
            assert_eq!(reach_of_listener(&host, address), reach, "{address}");
        }
        assert_eq!(widest(["loopback", "private"]), "private");
        assert_eq!(narrower("any", "loopback"), "loopback");
    }
}
