//! What a password field of shadow(5) says, by the prefixes of crypt(5): its state and kind, never its content.

use jiff::Timestamp;

use super::Shadow;

/// State and kind of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Password {
    /// `set`, `empty`, `locked` or `not_set`.
    pub status: &'static str,
    /// Kind of scrambling.
    pub alg: Option<&'static str>,
    /// Rounds, where the field says so.
    pub rounds: Option<i64>,
}

/// No password can match.
pub(super) const NOT_SET: Password = Password { status: "not_set", alg: None, rounds: None };

/// Days of shadow(5); none where the field is empty or turns the rule off.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ageing {
    /// Day of the last change, since 1970; 0 means that it must be changed at the next login.
    pub changed: Option<i64>,
    /// Days before it may be changed.
    pub min: Option<i64>,
    /// Days after which it must be changed.
    pub max: Option<i64>,
    /// Days of warning.
    pub warning: Option<i64>,
    /// Days after `max` until it no longer counts.
    pub inactive: Option<i64>,
    /// Day on which the account ends.
    pub expire: Option<i64>,
}

impl Ageing {
    /// As pam_unix(8) decides: the account has ended, or its password was too old for too long.
    fn is_over(&self, today: i64) -> bool {
        let ended = self.expire.is_some_and(|day| today >= day);
        let too_old = match (self.changed, self.max, self.inactive) {
            (Some(changed), Some(max), Some(inactive)) if changed > 0 => {
                today.saturating_sub(changed) > max.saturating_add(inactive)
            }
            _ => false,
        };
        ended || too_old
    }
}

/// Reads a password field.
pub(super) fn classify(field: &str) -> Password {
    if field.is_empty() {
        return Password { status: "empty", alg: None, rounds: None };
    }
    let hash = field.trim_start_matches(['!', '*']);
    match kind(hash) {
        Some((alg, rounds)) => {
            let status = if hash.len() == field.len() { "set" } else { "locked" };
            Password { status, alg: Some(alg), rounds }
        }
        None => NOT_SET,
    }
}

/// The kind of a scrambled password; none when no password can match such a text.
fn kind(hash: &str) -> Option<(&'static str, Option<i64>)> {
    let salted = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    let Some(rest) = hash.strip_prefix('$') else {
        let plain = hash.chars().all(salted);
        return match hash.len() {
            13 if plain => Some(("des", None)),
            // bigcrypt: two letters of salt, then eleven for every eight of the password.
            24..=178 if plain && (hash.len() - 2).is_multiple_of(11) => Some(("des", None)),
            20 if hash.strip_prefix('_').is_some_and(|h| h.chars().all(salted)) => Some(("bsdicrypt", None)),
            _ => None,
        };
    };
    let (id, rest) = rest.split_once('$')?;
    let rounds = || rest.strip_prefix("rounds=").and_then(|r| r.split('$').next()?.parse().ok());
    Some(match id {
        "y" => ("yescrypt", None),
        "gy" => ("gost-yescrypt", None),
        "7" => ("scrypt", None),
        "2a" | "2b" | "2x" | "2y" => {
            ("bcrypt", rest.split('$').next().and_then(|c| c.parse::<u32>().ok()).and_then(|c| 1_i64.checked_shl(c)))
        }
        "6" => ("sha512", rounds().or(Some(5000))),
        "5" => ("sha256", rounds().or(Some(5000))),
        "sha1" => ("sha1", rest.split('$').next().and_then(|r| r.parse().ok())),
        "1" => ("md5", None),
        "3" => ("nt", None),
        "md5" => ("sunmd5", None),
        id if id.starts_with("md5") => ("sunmd5", None),
        _ => ("unknown", None),
    })
}

/// The row of a password.
pub(super) fn row(source: &str, line: i64, name: &str, found: &Password, ageing: &Ageing, today: i64) -> Shadow {
    let day = |n: Option<i64>| Timestamp::from_second(n?.checked_mul(86_400)?).ok();
    let over = matches!(found.status, "set" | "empty") && ageing.is_over(today);
    Shadow {
        source: source.to_owned(),
        line,
        username: name.to_owned(),
        password_status: if over { "expired" } else { found.status }.to_owned(),
        hash_alg: found.alg.map(str::to_owned),
        hash_rounds: found.rounds,
        last_change: day(ageing.changed.filter(|d| *d > 0)),
        min: ageing.min,
        max: ageing.max,
        warning: ageing.warning,
        inactive: ageing.inactive,
        expire: day(ageing.expire),
        change_needed: ageing.changed == Some(0),
    }
}
