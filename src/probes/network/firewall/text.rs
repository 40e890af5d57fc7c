//! Rules in words: the same for every program that told them.

use std::fmt::{self, Display, Formatter};

use super::model::{Action, Net, Rule, Test, What};

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for test in &self.tests {
            write!(f, "{test} ")?;
        }
        write!(f, "{}", self.action)
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let not = if self.not { "!= " } else { "" };
        match &self.what {
            What::Protocol(names) => write!(f, "{not}{}", names.join(",")),
            What::Port(ranges) => write!(f, "port {not}{}", list(ranges.iter().map(range))),
            What::In(names) => write!(f, "in {not}{}", names.join(",")),
            What::Out(names) => write!(f, "out {not}{}", names.join(",")),
            What::From(nets) => write!(f, "from {not}{}", list(nets.iter().map(net))),
            What::To(nets) => write!(f, "to {not}{}", list(nets.iter().map(net))),
            What::State(states) if states.is_empty() => f.write_str(if self.not { "any" } else { "others" }),
            What::State(states) => write!(f, "state {not}{}", states.join(",")),
            What::Version(version) => write!(f, "{not}ipv{version}"),
            What::Local => write!(f, "{not}to-this-machine"),
            What::SentOn => write!(f, "{not}sent-on"),
            What::Holds => f.write_str("limit"),
            What::Unknown(words) => write!(f, "[{words}]"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Action::Accept => f.write_str("accept"),
            Action::Drop => f.write_str("drop"),
            Action::Return => f.write_str("return"),
            Action::Nothing => f.write_str("continue"),
            Action::Jump(name) => write!(f, "jump {name}"),
            Action::Goto(name) => write!(f, "goto {name}"),
            Action::SendOn(to, port) => {
                f.write_str("send on to ")?;
                match (to, port) {
                    (Some(to), Some(port)) => write!(f, "{}", std::net::SocketAddr::new(*to, *port)),
                    (Some(to), None) => write!(f, "{to}"),
                    (None, Some(port)) => write!(f, "port {port}"),
                    (None, None) => f.write_str("this machine"),
                }
            }
        }
    }
}

/// The first few, and how many more.
fn list(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    match all.len() {
        0 => "nobody".to_owned(),
        1..=8 => all.join(","),
        n => format!("{} and {} more", all.get(..8).unwrap_or_default().join(","), n.saturating_sub(8)),
    }
}

fn range((first, last): &(u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn net(net: &Net) -> String {
    if net.first == net.last { net.first.to_string() } else { format!("{}-{}", net.first, net.last) }
}
