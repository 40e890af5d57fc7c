//! The name under which this machine sends mail: the domain of the default From address.

use std::fs;

use super::address::domain_part;

/// What a machine says about its own name. [`Names::read`] reads it; tests make it up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// `/etc/mailname`: the domain of local mail, where Debian keeps it.
    pub mailname: String,
    /// What the kernel says (`uname -n`).
    pub hostname: String,
    /// `/etc/hosts`.
    pub hosts: String,
    /// `/etc/resolv.conf`.
    pub resolv: String,
}

impl Names {
    /// Reads them from this machine; what is missing is empty.
    pub fn read() -> Self {
        let file = |path| fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        Names {
            mailname: file("/etc/mailname"),
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            hosts: file("/etc/hosts"),
            resolv: file("/etc/resolv.conf"),
        }
    }

    /// The full name (`web01.example.org`), from the first of these that gives one with a dot: the mail name, the host
    /// name, the line of `/etc/hosts` with the host name, the host name and the domain of `/etc/resolv.conf`.
    ///
    /// Nothing where the machine has no full name: then the owner must say from whom the mail shall come.
    pub fn full(&self) -> Option<String> {
        let host = self.hostname.trim();
        let mailname = self.mailname.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
        let candidates = [mailname.map(str::to_owned), Some(host.to_owned()), self.in_hosts(host), self.searched(host)];
        candidates.into_iter().flatten().find_map(|name| usable(&name))
    }

    /// The full name beside the short one: `hostname -f` says the first name of that line.
    fn in_hosts(&self, host: &str) -> Option<String> {
        if host.is_empty() {
            return None;
        }
        self.hosts
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().split_ascii_whitespace().skip(1).collect::<Vec<_>>())
            .filter(|names| names.iter().any(|n| n.eq_ignore_ascii_case(host)))
            .find_map(|names| names.iter().find(|n| usable(n).is_some()).map(|n| (*n).to_owned()))
    }

    fn searched(&self, host: &str) -> Option<String> {
        let domain = self.resolv.lines().find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            matches!(words.next(), Some("domain" | "search")).then(|| words.next()).flatten()
        })?;
        (!host.is_empty() && !host.contains('.')).then(|| format!("{host}.{}", domain.trim_matches('.')))
    }
}

/// A name that others can know, in the form that mail needs.
fn usable(name: &str) -> Option<String> {
    let name = domain_part(name.trim().trim_end_matches('.')).ok()?;
    let nobody_else = ["localdomain", "localhost"].contains(&name.rsplit('.').next().unwrap_or_default());
    (name.contains('.') && !name.starts_with('[') && !nobody_else && !is_ip(&name)).then_some(name)
}

fn is_ip(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(mailname: &str, hostname: &str, hosts: &str, resolv: &str) -> Option<String> {
        let own = str::to_owned;
        Names { mailname: own(mailname), hostname: own(hostname), hosts: own(hosts), resolv: own(resolv) }.full()
    }

    #[test]
    fn the_first_full_name_counts() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1\tweb01.example.org web01 # us\n::1 localhost ip6-localhost\n";
        let is = |found: Option<String>, name: &str| assert_eq!(found.as_deref(), Some(name));
        is(names("mail.example.net\n", "web01", hosts, ""), "mail.example.net");
        is(names("", "web02.example.com", hosts, ""), "web02.example.com");
        is(names("web01\n", "web01", hosts, "search other.example"), "web01.example.org");
        is(names("", "WEB01", hosts, ""), "web01.example.org");
        is(names("", "web09", hosts, "nameserver 192.0.2.1\nsearch example.net example.com\n"), "web09.example.net");
        is(names("\n# nothing\nbücher.example\n", "x", "", ""), "xn--bcher-kva.example");
        is(names("web01.example.org.\n", "x", "", ""), "web01.example.org");
    }

    #[test]
    fn a_name_that_nobody_else_knows_is_none() {
        assert_eq!(names("", "web01", "127.0.1.1 web01\n", ""), None);
        assert_eq!(names("localhost.localdomain", "localhost.localdomain", "", ""), None);
        assert_eq!(names("", "", "127.0.0.1 .example.org", "search example.org"), None);
        assert_eq!(names("evil\r\nBcc: x", "192.0.2.7", "", ""), None);
        assert_eq!(names("", "a b.example.org", "", "search <script>"), None);
    }

    #[test]
    fn this_machine_is_read() {
        assert!(!Names::read().hostname.is_empty());
    }
}
