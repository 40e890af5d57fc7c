//! One message of the journal, with what is asked of it. Fields that begin with an underscore are journald's own; all
//! others are the word of whoever wrote the message.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The id of the message that a service is started again (sd-messages(3), `SD_MESSAGE_UNIT_RESTART_SCHEDULED`).
pub(super) const RESTARTED: &str = "5eb03494b6584870a536b337290809b3";
/// The fields that are asked for.
pub(super) const FIELDS: &str = "PRIORITY,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,_TRANSPORT,MESSAGE_ID,UNIT,MESSAGE";
/// Whose word about other services counts: systemd itself.
pub(super) const SYSTEMD: &str = "init.scope";

/// A message.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    /// From 0, an emergency, over 3, an error, to 7.
    pub priority: Option<u8>,
    /// Whether the kernel said it.
    pub kernel: bool,
    pub message: Cow<'a, str>,
    unit: Option<&'a str>,
    identifier: Option<&'a str>,
    id: Option<&'a str>,
    about: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// From the fields of a message.
    pub fn new(fields: &'a Map<String, Value>) -> Self {
        let plain = |name: &str| fields.get(name).and_then(first).and_then(Value::as_str);
        Entry {
            priority: plain("PRIORITY").and_then(|n| n.parse().ok()).filter(|n| *n <= 7),
            kernel: plain("_TRANSPORT") == Some("kernel"),
            message: fields.get("MESSAGE").map(text).unwrap_or_default(),
            unit: plain("_SYSTEMD_UNIT"),
            identifier: plain("SYSLOG_IDENTIFIER"),
            id: plain("MESSAGE_ID"),
            about: plain("UNIT"),
        }
    }

    /// The service that it is about.
    pub fn source(&self) -> Cow<'a, str> {
        if self.kernel {
            return Cow::Borrowed("kernel");
        }
        match self.unit {
            Some(SYSTEMD) => Cow::Borrowed(self.about.unwrap_or(SYSTEMD)),
            // Each login has a scope of its own; the program says more.
            Some(unit) if unit.ends_with(".scope") => Cow::Borrowed(self.identifier.unwrap_or(unit)),
            Some(unit) => without_number(unit),
            None => Cow::Borrowed(self.identifier.unwrap_or("unknown")),
        }
    }

    /// The service that is started again, as systemd says.
    pub fn restarted(&self) -> Option<&'a str> {
        (self.id == Some(RESTARTED) && self.unit == Some(SYSTEMD)).then_some(self.about)?
    }
}

/// A service that is started for each connection is told under one name: `ssh@3-10.0.0.1:22-10.0.0.2:5000.service` is
/// `ssh@.service`. Others keep what stands behind the `@`.
fn without_number(unit: &str) -> Cow<'_, str> {
    let parts = || {
        let (name, rest) = unit.split_once('@')?;
        let (instance, kind) = rest.rsplit_once('.')?;
        let behind = instance.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = behind.len() < instance.len() && behind.starts_with('-');
        let next = behind.get(1..).unwrap_or_default();
        let each = numbered && (next.contains(':') || next.starts_with(|c: char| c.is_ascii_digit()));
        each.then(|| format!("{name}@.{kind}"))
    };
    parts().map_or(Cow::Borrowed(unit), Cow::Owned)
}

/// A field that was given more than once is a list of its values.
fn first(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(values) => values.first(),
        value => Some(value),
    }
}

/// A text; one that is no UTF-8 is a list of its bytes.
fn text(value: &Value) -> Cow<'_, str> {
    let bytes = |values: &[Value]| -> Option<Vec<u8>> {
        values.iter().map(|n| n.as_u64().and_then(|n| u8::try_from(n).ok())).collect()
    };
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(values) => match bytes(values) {
            Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            None => values.first().and_then(Value::as_str).map(Cow::Borrowed).unwrap_or_default(),
        },
        _ => Cow::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_under_the_service_it_is_about() {
        for (fields, expected) in [
            (r#"{"_SYSTEMD_UNIT":"postgresql@15-main.service"}"#, "postgresql@15-main.service"),
            (r#"{"_SYSTEMD_UNIT":"ssh@12-10.0.0.1:22-10.0.0.2:5000.service"}"#, "ssh@.service"),
            (r#"{"_SYSTEMD_UNIT":"ssh@12-::1:22-::1:5000.service"}"#, "ssh@.service"),
            (r#"{"_SYSTEMD_UNIT":"systemd-coredump@3-1234-0.service"}"#, "systemd-coredump@.service"),
            (r#"{"_SYSTEMD_UNIT":"getty@tty1.service"}"#, "getty@tty1.service"),
            (r#"{"_SYSTEMD_UNIT":"a@.service"}"#, "a@.service"),
            (r#"{"_SYSTEMD_UNIT":"@"}"#, "@"),
            (r#"{"_SYSTEMD_UNIT":"a@1-ä.service"}"#, "a@1-ä.service"),
            (r#"{"_SYSTEMD_UNIT":"session-12.scope"}"#, "session-12.scope"),
            (r#"{"_SYSTEMD_UNIT":"init.scope","UNIT":"shop.service"}"#, "shop.service"),
            (r#"{"_SYSTEMD_UNIT":"evil.service","UNIT":"shop.service"}"#, "evil.service"),
            (r#"{"_TRANSPORT":["kernel","x"],"SYSLOG_IDENTIFIER":"y"}"#, "kernel"),
            (r#"{"SYSLOG_IDENTIFIER":["a","b"]}"#, "a"),
            (r#"{"PRIORITY":3}"#, "unknown"),
        ] {
            let map: Map<String, Value> = serde_json::from_str(fields).unwrap();
            assert_eq!(Entry::new(&map).source(), expected, "{fields}");
        }
    }
}
