//! Addresses of mail: what a person writes, checked, and as a mail server reads it.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::words::harmless;

/// The address of one mailbox: `anna@example.org`, or `root` for the mail program of this machine.
///
/// The domain is kept as mail servers know it (`bücher.example` is `xn--bcher-kva.example`), in small letters.
/// What is before the `@` is kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    user: String,
    domain: Option<String>,
}

/// An address with the name of who reads it: `Anna Example <anna@example.org>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name; any text.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// Why a text is no address; each is a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("The address is empty")]
    Empty,
    /// `<` without `>` and the like.
    #[error("'{0}' is no mail address: write 'anna@example.org' or 'Anna <anna@example.org>'")]
    Form(String),
    /// More than one.
    #[error("'{0}' is more than one address; give each one by itself")]
    Many(String),
    /// The part before the `@`.
    #[error("'{0}' cannot stand before the @ of a mail address: {1}")]
    User(String, &'static str),
    /// The part after the `@`.
    #[error("'{0}' is no domain: {1}")]
    Domain(String, &'static str),
}

impl Address {
    /// What is before the `@`.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What is after the `@`; nothing for a name that only this machine knows.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// Whether it is a name on this machine (`root`), which only its own mail program understands.
    pub fn is_local(&self) -> bool {
        self.domain.is_none()
    }

    /// Whether only mail servers with SMTPUTF8 understand it: letters outside of ASCII before the `@`.
    pub fn needs_utf8(&self) -> bool {
        !self.user.is_ascii()
    }

    /// The same, with a domain where it has none.
    #[must_use]
    pub fn at(&self, domain: &str) -> Address {
        let domain = self.domain.clone().unwrap_or_else(|| domain.to_owned());
        Address { user: self.user.clone(), domain: Some(domain) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.domain {
            Some(domain) => write!(f, "{}@{domain}", self.user),
            None => f.write_str(&self.user),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.matches('@').count() > 1 && text.contains([',', ';', ' ']) {
            return Err(AddressError::Many(shown(text)));
        }
        match text.rsplit_once('@') {
            Some((user, domain)) => Ok(Address { user: user_part(user)?, domain: Some(domain_part(domain)?) }),
            None => Ok(Address { user: user_part(text)?, domain: None }),
        }
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let Some((name, rest)) = text.rsplit_once('<') else {
            if text.contains('>') {
                return Err(AddressError::Form(shown(text)));
            }
            return Ok(Mailbox { name: None, address: text.parse()? });
        };
        let address = rest.strip_suffix('>').ok_or_else(|| AddressError::Form(shown(text)))?;
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).unwrap_or(name);
        let name = name.replace("\\\"", "\"").replace("\\\\", "\\");
        Ok(Mailbox { name: Some(name).filter(|n| !n.is_empty()), address: address.parse()? })
    }
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Self {
        Mailbox { name: None, address }
    }
}

/// What was written, fit for a sentence.
fn shown(text: &str) -> String {
    harmless(text).chars().take(80).collect()
}

/// A dot-atom of RFC 5322 or RFC 6532. Quoted ones (`"a b"@…`) are refused: hardly anyone has one, and many servers
/// do not take them.
fn user_part(user: &str) -> Result<String, AddressError> {
    let wrong = |why| Err(AddressError::User(shown(user), why));
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let other =
        |c: char| !c.is_ascii() && c != '\u{fffd}' && !c.is_whitespace() && harmless(&c.to_string()).starts_with(c);
    match user {
        "" => wrong("there is nothing"),
        _ if user.len() > 64 => wrong("it has more than 64 letters"),
        _ if user.starts_with('.') || user.ends_with('.') || user.contains("..") => {
            wrong("a dot is in the wrong place")
        }
        // A program would take it for an option.
        _ if user.starts_with('-') => wrong("it starts with a dash"),
        _ if !user.chars().all(|c| fits(c) || other(c)) => wrong("it has a space or a sign that does not belong there"),
        _ => Ok(user.to_owned()),
    }
}

/// A domain or host name as the network knows it: letters of any script become ASCII. `[192.0.2.1]` stays.
///
/// # Errors
/// [`AddressError::Domain`] when no host can have this name.
pub fn domain_part(domain: &str) -> Result<String, AddressError> {
    let wrong = |why| Err(AddressError::Domain(shown(domain), why));
    if let Some(ip) = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')) {
        let v6 = ip.strip_prefix("IPv6:");
        return match v6.unwrap_or(ip).parse::<IpAddr>() {
            Ok(ip) if ip.is_ipv6() == v6.is_some() => Ok(domain.to_owned()),
            _ => wrong("between [ and ] belongs an address such as 192.0.2.1 or IPv6:2001:db8::1"),
        };
    }
    if domain.is_empty() {
        return wrong("nothing follows the @");
    }
    // Bounded before the work, which grows with the length.
    if domain.len() > 1000 {
        return wrong("it is too long");
    }
    let Ok(ascii) = idna::domain_to_ascii(domain) else {
        return wrong("it is spelt in a way that no domain has");
    };
    let label = |l: &str| {
        let inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        !l.is_empty() && l.len() <= 63 && l.bytes().all(inside) && !l.starts_with('-') && !l.ends_with('-')
    };
    if ascii.len() > 253 {
        return wrong("it is too long");
    }
    if !ascii.split('.').all(label) {
        return wrong("it is made of letters, digits and dashes, with dots between them");
    }
    Ok(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn what_people_write_is_taken() {
        for (written, read) in [
            ("anna@example.org", "anna@example.org"),
            ("  anna+cleanbill@Example.ORG ", "anna+cleanbill@example.org"),
            ("owner@example", "owner@example"),
            ("root@localhost", "root@localhost"),
            ("root", "root"),
            ("anna@bücher.example", "anna@xn--bcher-kva.example"),
            ("anna@例え.テスト", "anna@xn--r8jz45g.xn--zckzah"),
            ("jürgen@example.org", "jürgen@example.org"),
            ("संपर्क@example.org", "संपर्क@example.org"),
            ("anna@[192.0.2.1]", "anna@[192.0.2.1]"),
            ("anna@[IPv6:2001:db8::1]", "anna@[IPv6:2001:db8::1]"),
        ] {
            assert_eq!(address(written).to_string(), read);
        }
        assert!(address("root").is_local() && !address("root@localhost").is_local());
        assert!(address("jürgen@example.org").needs_utf8() && !address("anna@bücher.example").needs_utf8());
        assert_eq!(address("root").at("example.org"), address("root@example.org"));
        assert_eq!(address("a@b.example").at("example.org"), address("a@b.example"));
    }

    #[test]
    fn what_is_no_address_is_told_in_a_sentence() {
        let long = format!("{}@example.org", "a".repeat(65));
        for (written, said) in [
            ("", "The address is empty"),
            ("@example.org", "before the @"),
            ("anna@", "nothing follows the @"),
            ("anna@exa mple.org", "is no domain"),
            ("an na@example.org", "a space"),
            (".anna@example.org", "a dot"),
            ("-oQ/tmp@example.org", "starts with a dash"),
            ("anna@example..org", "is no domain"),
            ("anna@-example.org", "is no domain"),
            ("anna@example.org\r\nBcc: eve@example.net", "more than one"),
            ("anna@example.org>\r\nRCPT TO:<eve", "is no domain"),
            ("anna\r\nx@example.org", "a space or a sign"),
            ("anna\u{202e}@example.org", "a space or a sign"),
            ("\u{fffd}\u{a0}@example.org", "a space or a sign"),
            ("a@example.org, b@example.org", "more than one"),
            ("anna@[999.0.0.1]", "between [ and ]"),
            (long.as_str(), "64"),
        ] {
            let error = written.parse::<Address>().expect_err(written).to_string();
            assert!(error.contains(said), "{written:?}: {error}");
            assert!(!error.contains(['\r', '\n', '\u{202e}']), "{error:?}");
        }
    }

    #[test]
    fn a_name_may_stand_before_the_address() {
        let anna: Mailbox = "Anna Example <anna@example.org>".parse().unwrap();
        assert_eq!(anna, Mailbox { name: Some("Anna Example".to_owned()), address: address("anna@example.org") });
        let quoted: Mailbox = r#""Anna \"the boss\", Example" <anna@example.org>"#.parse().unwrap();
        assert_eq!(quoted.name.as_deref(), Some(r#"Anna "the boss", Example"#));
        let bare: Mailbox = "<anna@example.org>".parse().unwrap();
        assert_eq!(bare.name, None);
        for wrong in ["Anna <anna@example.org", "anna@example.org>", "Anna <>", "<a@b> x"] {
            assert!(wrong.parse::<Mailbox>().is_err(), "{wrong}");
        }
    }
}
