//! The mail server as its configuration makes it: Postfix or Exim. No mail is sent and no connection is made.

mod postfix;
#[cfg(test)]
mod tests;

use super::{Probe, ProbeError, USUAL_LIMIT, servers, services::jobs};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// The mail server, one row for each that is installed.
    "mail_server" => MailServer {
        /// Settings file that decides how it listens.
        source: String,
        /// Line of that setting.
        line: Option<i64>,
        /// `postfix` or `exim`.
        program: String,
        /// Whether it is running; null in an image and where processes are hidden.
        running: Option<bool>,
        /// Addresses on which it takes mail, separated by spaces.
        listens: String,
        /// From where it can be reached: `any`, `private`, `loopback`, `none`, `unknown`.
        reach: String,
        /// Networks for which it passes mail on to others without a login, separated by spaces.
        relays_for: String,
        /// Whether strangers may use it to send mail to others: `yes`, `no`, `unknown`.
        open_relay: String,
        /// Setting that decides so.
        because: String,
        /// Whether it keeps mail for names other than this machine's own: `yes`, `no`, `unknown`.
        serves_domains: String,
        /// Encryption it offers to those who bring mail: `none`, `may`, `encrypt`, `unknown`.
        encryption: String,
        /// Whether its greeting tells its version.
        shows_version: bool,
    }
    offline: true,
    examples: ["select program, listens, reach, open_relay, encryption from mail_server"],
}

fact_table! {
    /// Settings of Postfix (main.cf), the last of each name, and those services that change them (master.cf).
    "postfix_settings" => PostfixSetting {
        /// File it stands in.
        source: String,
        /// Line in that file.
        line: i64,
        /// Service of master.cf that sets it for itself, such as `submission/inet`; null for main.cf.
        service: Option<String>,
        /// Name.
        name: String,
        /// Value as written.
        value: String,
    }
    offline: true,
    examples: ["select name, value, source, line from postfix_settings order by name"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "mail",
    about: "how the mail server is set up",
    tables: &[MailServer::TABLE, PostfixSetting::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let processes = jobs::processes(host);
    let runs = |names: &[&str]| processes.as_ref().map(|all| jobs::runs(host, all, names));
    let has_postfix = ["/usr/sbin/postfix", "/usr/lib/postfix/sbin/master"].iter().any(|p| host.exists(p));
    if has_postfix {
        postfix::read(host, runs(&["master"]), facts);
    } else {
        facts.absent::<PostfixSetting>("Postfix is not installed");
    }
    let has_exim = ["/usr/sbin/exim4", "/usr/sbin/exim"].iter().any(|p| host.exists(p));
    if has_exim {
        exim(host, runs(&["exim4", "exim"]), facts);
    }
    if !has_postfix && !has_exim {
        facts.absent::<MailServer>("no mail server is installed");
    } else if let Some(gap) = jobs::hidden(host) {
        facts.partial::<MailServer>(gap);
    }
    Ok(())
}

/// Debian's Exim: what its set-up dialogue wrote.
fn exim(host: &Host, running: Option<bool>, facts: &mut Facts) {
    const PATH: &str = "/etc/exim4/update-exim4.conf.conf";
    let text = match host.read_text(PATH) {
        Ok(text) => text,
        Err(error) => {
            return facts.partial::<MailServer>(Gap::new("how the mail server is set up", PATH, error.reason()));
        }
    };
    let get = |key: &str| -> Option<(String, i64)> {
        let lines = text.lines().enumerate();
        lines
            .filter_map(|(index, l)| {
                let value = l.trim().strip_prefix(key)?.strip_prefix('=')?.trim().trim_matches('\'').trim_matches('"');
                Some((value.to_owned(), servers::number(index + 1)))
            })
            .last()
    };
    let list = |value: &str| -> Vec<String> {
        value.split(';').map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
    };
    let (interfaces, line) = get("dc_local_interfaces").map_or((String::new(), None), |(v, l)| (v, Some(l)));
    let mut listens = list(&interfaces);
    if listens.is_empty() {
        listens.push("*".to_owned());
    }
    let nets = list(&get("dc_relay_nets").map(|v| v.0).unwrap_or_default());
    let wide = nets.iter().any(|n| n == "*" || n == "0.0.0.0/0" || n == "::/0" || n == "::::/0");
    // An own exim4.conf takes the place of what the dialogue made.
    let own = host.exists("/etc/exim4/exim4.conf");
    let others = list(&get("dc_other_hostnames").map(|v| v.0).unwrap_or_default());
    let local = get("dc_eximconfig_configtype").is_some_and(|v| v.0 == "local");
    facts.push(MailServer {
        source: PATH.to_owned(),
        line,
        program: "exim".to_owned(),
        running,
        reach: servers::widest(listens.iter().map(|l| servers::reach_of_listener(host, l))).to_owned(),
        listens: listens.join(" "),
        relays_for: nets.join(" "),
        open_relay: if own {
            "unknown"
        } else if wide {
            "yes"
        } else {
            "no"
        }
        .to_owned(),
        because: if own { "/etc/exim4/exim4.conf".to_owned() } else { format!("dc_relay_nets={}", nets.join(" ; ")) },
        serves_domains: if own {
            "unknown"
        } else if local || others.len() <= 1 {
            "no"
        } else {
            "yes"
        }
        .to_owned(),
        encryption: "unknown".to_owned(),
        shows_version: false,
    });
}
