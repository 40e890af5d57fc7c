//! Debian's order of version numbers (deb-version(7)), as dpkg computes it. It compares; it never judges whether
//! a version is well-formed.

use std::cmp::Ordering;

/// What the makers of a program call its version: without epoch and Debian's revision.
pub(crate) fn upstream(version: &str) -> &str {
    split(version).1
}

/// Compares two versions `[epoch:]upstream[-revision]`.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (epoch_a, upstream_a, revision_a) = split(a);
    let (epoch_b, upstream_b, revision_b) = split(b);
    epoch_a.cmp(&epoch_b).then_with(|| part(upstream_a, upstream_b)).then_with(|| part(revision_a, revision_b))
}

fn split(version: &str) -> (u64, &str, &str) {
    let version = version.trim();
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Weight of a character outside numbers: `~` before the end, the end before letters, letters before the rest.
fn weight(c: Option<u8>) -> i32 {
    match c {
        None | Some(b'0'..=b'9') => 0,
        Some(b'~') => -1,
        Some(c) if c.is_ascii_alphabetic() => i32::from(c),
        Some(c) => i32::from(c) + 256,
    }
}

fn part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    let digit = |s: &[u8]| s.first().is_some_and(u8::is_ascii_digit);
    while !a.is_empty() || !b.is_empty() {
        while (!a.is_empty() && !digit(a)) || (!b.is_empty() && !digit(b)) {
            let order = weight(a.first().copied()).cmp(&weight(b.first().copied()));
            if order.is_ne() {
                return order;
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let (number_a, rest_a) = number(a);
        let (number_b, rest_b) = number(b);
        let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// The number at the start without its leading zeros, and what follows.
fn number(s: &[u8]) -> (&[u8], &[u8]) {
    let end = s.iter().position(|c| !c.is_ascii_digit()).unwrap_or(s.len());
    let (digits, rest) = s.split_at(end);
    let zeros = digits.iter().position(|c| *c != b'0').unwrap_or(digits.len());
    (digits.get(zeros..).unwrap_or_default(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: &[&str] = &[
        "0",
        "1",
        "1.0",
        "1.00",
        "1.0-0",
        "1.0-1",
        "1.0-1~bpo12+1",
        "1.0-1+b1",
        "1.0-1+deb12u1",
        "1.0-1+deb12u10",
        "1.0-1+deb12u2",
        "1.0~rc1-1",
        "1.0~~",
        "1.0~",
        "1.0a",
        "1.0+dfsg-1",
        "1.0+dfsg1-1",
        "1:0.1",
        "1:0.1-1",
        "2:0",
        "10",
        "9",
        "9a",
        "9.10",
        "9.9",
        "1.2.3-4-5",
        "1.2.3-4",
        "5.2.15-2+b7",
        "3.0.11-1~deb12u2",
        "3.0.9-1",
        "2.36-9+deb12u10",
        "1:9.2p1-2+deb12u6",
        "252.36-1~deb12u1",
        "6.1.129-1",
        "6.1.99-1",
        "20230311",
        "2023c-5",
        "2024a-0+deb12u1",
        "1.1.1n-0+deb11u5",
        "1.1.1-1",
        "a",
        "A",
        "a1",
        "1a",
        "1.~1",
        "1.+",
        "1.-",
        "0~",
        "~",
        "",
        "000001",
        "1.000",
        "4294967296",
        "99999999999999999999999",
        "99999999999999999999998",
    ];

    /// Where dpkg is there, it is asked about every pair; its answers for the pairs below are written down anyway.
    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        for (a, order, b) in [
            ("1.0~rc1-1", Ordering::Less, "1.0-1"),
            ("1.0-1+deb12u10", Ordering::Greater, "1.0-1+deb12u2"),
            ("1.0-1~bpo12+1", Ordering::Less, "1.0-1"),
            ("1:0.1", Ordering::Greater, "10"),
            ("1.0", Ordering::Equal, "1.00"),
            ("1.0", Ordering::Equal, "1.0-0"),
            ("1.0a", Ordering::Less, "1.0+"),
            ("6.1.99-1", Ordering::Less, "6.1.129-1"),
            ("99999999999999999999999", Ordering::Greater, "99999999999999999999998"),
        ] {
            assert_eq!(compare(a, b), order, "{a} {b}");
            assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn dpkg_itself_agrees_on_many_pairs() {
        if std::process::Command::new("dpkg").arg("--version").output().is_err() {
            return;
        }
        // One process for a chain of questions would need a shell; a sample of pairs is enough and quick.
        for (i, a) in VERSIONS.iter().enumerate() {
            for step in [1, 7] {
                let b = VERSIONS[(i + step) % VERSIONS.len()];
                let valid = |v: &str| v.starts_with(|c: char| c.is_ascii_digit()) && !v.ends_with('-');
                if !valid(a) || !valid(b) {
                    continue;
                }
                let says = |op: &str| {
                    let run = std::process::Command::new("dpkg").args(["--compare-versions", a, op, b]).output();
                    run.unwrap().status.success()
                };
                let order = compare(a, b);
                let op = match order {
                    Ordering::Less => "lt",
                    Ordering::Equal => "eq",
                    Ordering::Greater => "gt",
                };
                assert!(says(op), "{a} {op} {b}");
            }
        }
    }
}
