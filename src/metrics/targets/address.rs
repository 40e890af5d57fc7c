//! What a target is asked for: its address as it stands in the settings, read once and with care. Nothing is looked up
//! or asked here.

use std::{fmt, str::FromStr as _};

use hickory_proto::rr::{Name, RecordType};
use url::{Host, Position, Url};

use crate::words::{harmless, list};

/// What is asked, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The machine as its name is looked up, without brackets.
    pub host: String,
    pub port: u16,
    pub asked: Asked,
}

/// What is asked there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// A page: over an encrypted line or not, the path with its query, and the host as the page's server knows it.
    Page { encrypted: bool, path: String, authority: String },
    /// That a port takes connections.
    Port,
    /// Entries of that kind under a name, of a name server.
    Name { name: Name, kind: RecordType },
}

/// Entries that a name server is asked for.
const KINDS: [RecordType; 9] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CAA,
    RecordType::CNAME,
    RecordType::MX,
    RecordType::NS,
    RecordType::PTR,
    RecordType::SOA,
    RecordType::TXT,
];
/// No address is longer.
const LONGEST: usize = 2048;

impl Address {
    /// Reads it.
    ///
    /// # Errors
    /// What would be right, as a sentence without its end.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A password that does not belong there need not be shown to anyone.
        let public = text.rsplit_once('@').map_or(text, |(_, host)| host);
        let shown = harmless(public.get(..public.floor_char_boundary(200)).unwrap_or_default());
        if text.len() > LONGEST {
            return Err(format!("`{shown}…` is too long for an address"));
        }
        let unknown = || {
            format!(
                "`{shown}` is no address that can be asked: write `https://…`, `http://…`, `tcp://HOST:PORT` or \
                 `dns://SERVER/NAME`"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(unknown)?;
        match scheme {
            "http" | "https" => page(text, &shown),
            "tcp" => port(rest, &shown),
            "dns" => name(rest, &shown),
            _ => Err(unknown()),
        }
    }

    /// Whether it is asked over an encrypted line.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.asked, Asked::Page { encrypted: true, .. })
    }

    /// Whether it is a page.
    pub fn is_page(&self) -> bool {
        matches!(self.asked, Asked::Page { .. })
    }
}

fn page(text: &str, shown: &str) -> Result<Address, String> {
    let wrong = |why: &str| format!("`{shown}` is no address of a page, such as `https://shop.example.org/`: {why}");
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("leave out what stands before the `@`, there is no place for a name and a password"));
    }
    let host = url.host().and_then(|host| bare(host.to_owned())).ok_or_else(|| wrong("it names no host"))?;
    let port = url.port_or_known_default().filter(|port| *port > 0).ok_or_else(|| wrong("a port cannot be 0"))?;
    Ok(Address {
        host,
        port,
        asked: Asked::Page {
            encrypted: url.scheme() == "https",
            path: url[Position::BeforePath..Position::AfterQuery].to_owned(),
            authority: url[Position::BeforeHost..Position::AfterPort].to_owned(),
        },
    })
}

fn port(rest: &str, shown: &str) -> Result<Address, String> {
    let wrong = |why: &str| format!("`{shown}` is no port of a machine, such as `tcp://db.example.org:5432`: {why}");
    let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest)).map_err(|why| wrong(&why))?;
    let port = port.ok_or_else(|| wrong("the port is missing"))?;
    Ok(Address { host, port, asked: Asked::Port })
}

fn name(rest: &str, shown: &str) -> Result<Address, String> {
    let wrong =
        |why: &str| format!("`{shown}` is no question to a name server, such as `dns://192.0.2.53/example.org`: {why}");
    let mut parts = rest.split('/');
    let server = parts.next().unwrap_or_default();
    let (host, port) = host_and_port(server).map_err(|why| wrong(&why))?;
    let name = parts.next().filter(|name| !name.is_empty()).ok_or_else(|| wrong("the name to ask for is missing"))?;
    let kind = parts.next().filter(|kind| !kind.is_empty()).unwrap_or("A");
    if parts.next().is_some() {
        return Err(wrong("there is more behind the kind of entry"));
    }
    let kind = RecordType::from_str(&kind.to_ascii_uppercase()).ok().filter(|kind| KINDS.contains(kind));
    let kind = kind.ok_or_else(|| {
        let known: Vec<String> = KINDS.iter().map(|kind| format!("`{kind}`")).collect();
        wrong(&format!("the kind of entry is one of {}", list(&known)))
    })?;
    let mut name = Name::from_utf8(name).map_err(|error| wrong(&harmless(&error.to_string())))?;
    name.set_fqdn(true);
    Ok(Address { host, port: port.unwrap_or(53), asked: Asked::Name { name, kind } })
}

/// `HOST`, `HOST:PORT`, `[::1]:PORT`.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    let parsed = Host::parse(host).map_err(|error| error.to_string())?;
    let number = |port: &str| port.parse::<u16>().ok().filter(|port| *port > 0);
    let port = port.map(|port| number(port).ok_or("a port is a number from 1 to 65535")).transpose()?;
    Ok((bare(parsed).ok_or("the host is missing")?, port))
}

/// A host as it is looked up, and as certificates name it.
fn bare(host: Host<String>) -> Option<String> {
    let name = match host {
        Host::Domain(name) => name.strip_suffix('.').map(str::to_owned).unwrap_or(name),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    };
    (!name.is_empty()).then_some(name)
}

impl fmt::Display for Address {
    /// Where it is, without what could be a secret in its path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match &self.asked {
            Asked::Page { encrypted: true, .. } => "https",
            Asked::Page { .. } => "http",
            Asked::Port => "tcp",
            Asked::Name { .. } => "dns",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn pages_ports_and_names_are_told_apart() {
        let page = read("https://Bücher.example:8443/a b?token=x#part");
        assert_eq!((page.host.as_str(), page.port, page.is_encrypted()), ("xn--bcher-kva.example", 8443, true));
        let Asked::Page { path, authority, .. } = &page.asked else { panic!() };
        assert_eq!((path.as_str(), authority.as_str()), ("/a%20b?token=x", "xn--bcher-kva.example:8443"));
        assert_eq!(page.to_string(), "https://xn--bcher-kva.example:8443", "what is in the path is nobody's business");
        let page = read("http://[::1]");
        assert_eq!((page.host.as_str(), page.port), ("::1", 80));
        let Asked::Page { path, authority, .. } = &page.asked else { panic!() };
        assert_eq!((path.as_str(), authority.as_str()), ("/", "[::1]"));
        assert_eq!(page.to_string(), "http://[::1]:80");

        assert_eq!(read("tcp://[::1]:5432/"), Address { host: "::1".to_owned(), port: 5432, asked: Asked::Port });
        assert_eq!(read("tcp://db.example.org.:22").host, "db.example.org");

        let name = read("dns://192.0.2.53/example.org");
        assert_eq!((name.host.as_str(), name.port), ("192.0.2.53", 53));
        let Asked::Name { name, kind } = name.asked else { panic!() };
        assert_eq!((name.to_string().as_str(), kind), ("example.org.", RecordType::A));
        let name = read("dns://[::1]:5353/example.org/aaaa");
        assert_eq!((name.port, matches!(name.asked, Asked::Name { kind: RecordType::AAAA, .. })), (5353, true));
    }

    #[test]
    fn what_cannot_be_asked_is_told_with_what_would_be_right() {
        for (text, told) in [
            ("", "write `https://"),
            ("example.org", "write `https://"),
            ("ftp://example.org/", "write `https://"),
            ("https://", "empty host"),
            ("http://a b/", "no address of a page"),
            ("https://me:secret@example.org/", "no place for a name and a password"),
            ("http://example.org:0/", "a port cannot be 0"),
            ("http://example.org:99999/", "port"),
            ("tcp://example.org", "the port is missing"),
            ("tcp://:22", "the host is missing"),
            ("tcp://example.org:x", "a number from 1 to 65535"),
            ("tcp://::1:22", "no port of a machine"),
            ("dns://192.0.2.53", "the name to ask for is missing"),
            ("dns://192.0.2.53/", "the name to ask for is missing"),
            ("dns://192.0.2.53/example.org/ANY", "is one of `A`"),
            ("dns://192.0.2.53/example.org/A/b", "more behind"),
            ("dns://192.0.2.53/a..b", "no question"),
        ] {
            let why = Address::parse(text).unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
        let why = Address::parse("https://me:secret@example.org/\u{1b}[31m").unwrap_err();
        assert!(!why.contains('\u{1b}') && !why.contains("secret"), "{why}");
        assert!(Address::parse(&format!("http://example.org/{}", "x".repeat(5000))).unwrap_err().len() < 400);
    }

    proptest! {
        #[test]
        fn no_address_makes_it_stumble(text in "(https?|tcp|dns)://\\PC{0,60}", any in "\\PC{0,60}") {
            let _ = Address::parse(&any);
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(address.port > 0 && !address.host.is_empty());
                if let Asked::Page { path, authority, .. } = address.asked {
                    prop_assert!(path.starts_with('/'));
                    prop_assert!(path.chars().chain(authority.chars()).all(|c| c.is_ascii_graphic()), "{path} {authority}");
                }
            }
        }
    }
}
