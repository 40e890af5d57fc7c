//! What the kinds of values cannot say: settings that contradict each other, names that do not exist, what is missing.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use jiff::tz::TimeZone;

use super::{Config, Job, Mail, Metrics, Mistake, Security, Target, Task};
use crate::{
    checks::Catalogue,
    mail::{self, Mailbox, Server},
    metrics::{ALL, export::is_file, targets},
    schedule::{When, times},
    words::{harmless, nearest, thousands},
};

/// All that makes no sense.
pub(super) fn mistakes(config: &Config) -> Vec<Mistake> {
    let mut found = Vec::new();
    mail(&config.mail, &mut found);
    found.extend(config.alerts.to.iter().filter_map(|person| address("alerts.to", person)));
    if config.backup.keep == 0 {
        found.push(Mistake::at("backup.keep", "`backup.keep` is 0: at least one copy must be kept."));
    }
    metrics(&config.metrics, &mut found);
    config.watch.mistakes(&mut found);
    config.update.mistakes(&mut found);
    checks(config, &mut found);
    targets(&config.metrics.targets, &mut found);
    for (name, job) in &config.schedule {
        self::job(name, job, &mut found);
    }
    found
}

/// No pace is faster.
pub(super) const FASTEST: Duration = Duration::from_millis(100);

fn metrics(metrics: &Metrics, found: &mut Vec<Mistake>) {
    if metrics.every.duration() < FASTEST {
        found.push(Mistake::at("metrics.every", "`metrics.every` is too short: 100ms is the least."));
    }
    if metrics.batch.duration() < metrics.every.duration() {
        found.push(Mistake::at("metrics.batch", "`metrics.batch` cannot be shorter than `metrics.every`."));
    }
    if metrics.keep_samples.duration() < Duration::from_secs(86_400) {
        found.push(Mistake::at("metrics.keep_samples", "`metrics.keep_samples` is too short: a day is the least."));
    }
    for (longer, shorter, kept, less) in [
        ("minutes", "samples", &metrics.keep_minutes, &metrics.keep_samples),
        ("hours", "minutes", &metrics.keep_hours, &metrics.keep_minutes),
    ] {
        if kept.duration() < less.duration() {
            let why = format!("`metrics.keep_{longer}` cannot be shorter than `metrics.keep_{shorter}`.");
            found.push(Mistake::at(format!("metrics.keep_{longer}"), why));
        }
    }
    let names = || ALL.iter().map(|sampler| sampler.name);
    for name in metrics.only.iter().filter(|name| !names().any(|known| known == name.as_str())) {
        let near = nearest(name, names()).map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
        let why = format!("Nothing that can be measured is called `{}`.{near}", harmless(name));
        found.push(Mistake::at("metrics.only", why));
    }
    if let Some(place) = &metrics.prometheus {
        let fits = if is_file(place) { place.ends_with(".prom") } else { place.parse::<SocketAddr>().is_ok() };
        if !fits {
            let why =
                "`metrics.prometheus` must be a file that ends in `.prom`, or an address such as `127.0.0.1:9469`.";
            found.push(Mistake::at("metrics.prometheus", why));
        }
    }
}

fn mail(mail: &Mail, found: &mut Vec<Mistake>) {
    for (key, people) in [
        ("mail.to", &mail.to),
        ("mail.from", &mail.from.iter().cloned().collect()),
        ("mail.contact", &mail.contact.iter().cloned().collect()),
    ] {
        found.extend(people.iter().filter_map(|person| address(key, person)));
    }
    let ways = [
        ("mail.password_file", mail.password_file.is_some()),
        ("mail.password_env", mail.password_env.is_some()),
        ("mail.password_credential", mail.password_credential.is_some()),
    ];
    let given: Vec<&str> = ways.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
    if let [_, second, ..] = given.as_slice() {
        found.push(Mistake::at(*second, "The password is named twice. Leave one of the ways out."));
    }
    match (&mail.user, given.first()) {
        (Some(_), None) => found.push(Mistake::at(
            "mail.user",
            "`mail.user` needs a password: name the file that holds it with `password_file`.",
        )),
        (None, Some(key)) => found.push(Mistake::at(*key, "A password needs a name to log in with: `user`.")),
        _ => {}
    }
    if mail.port == Some(0) {
        found.push(Mistake::at("mail.port", "`mail.port` cannot be 0."));
    }
    let Some(server) = &mail.server else {
        let only_with_server = [
            ("mail.port", mail.port.is_some()),
            ("mail.user", mail.user.is_some()),
            ("mail.ca_file", mail.ca_file.is_some()),
        ];
        if let Some((key, _)) = only_with_server.iter().find(|(_, given)| *given) {
            found
                .push(Mistake::at(*key, format!("`{key}` is of no use without a mail server: name it with `server`.")));
        }
        return;
    };
    if let Err(why) = server_name(server) {
        found.push(Mistake::at("mail.server", format!("{why}.")));
    }
    let loopback = server == "localhost" || server.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if mail.security == Security::None && mail.user.is_some() && !loopback {
        found.push(Mistake::at(
            "mail.security",
            "The password would go over an open line. Use `starttls` or `tls`, or leave `user` out.",
        ));
    }
}

/// Whether a mail server may be called so.
///
/// # Errors
/// What would be right, as a sentence.
pub fn server_name(name: &str) -> Result<(), String> {
    let server = Server {
        host: name.to_owned(),
        port: None,
        security: mail::Security::Tls,
        login: None,
        ca_file: None,
        hello: None,
        timeout: Duration::ZERO,
    };
    server.wrong().map_or(Ok(()), |_| {
        Err(format!("`{}` is no name of a mail server, such as `smtp.example.org`", harmless(name)))
    })
}

/// An address that is none.
fn address(key: &str, text: &str) -> Option<Mistake> {
    let error = text.parse::<Mailbox>().err()?;
    Some(Mistake::at(key, format!("{error}.")))
}

/// Limits of checks, and what [autofix] names, against the catalogue.
fn checks(config: &Config, found: &mut Vec<Mistake>) {
    let fix = &config.autofix;
    if config.checks.is_empty() && fix.checks.is_empty() && fix.except.is_empty() && fix.groups.is_empty() {
        return;
    }
    // A check file of this machine that cannot be used is told by whoever makes an audit.
    let Ok(catalogue) = Catalogue::of_this_machine() else { return };
    let ids = || catalogue.checks().map(|c| c.id.as_str());
    let no_check = |key: String, id: &str| {
        let near = nearest(id, ids()).map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
        Mistake::at(key, format!("There is no check called `{}`.{near}", harmless(id)))
    };
    for (key, named) in [("autofix.checks", &fix.checks), ("autofix.except", &fix.except)] {
        found.extend(named.iter().filter(|id| catalogue.get(id).is_none()).map(|id| no_check(key.to_owned(), id)));
    }
    for group in fix.groups.iter().filter(|id| !catalogue.groups().iter().any(|g| g.id == **id)) {
        let near = nearest(group, catalogue.groups().iter().map(|g| g.id.as_str()));
        let near = near.map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
        found.push(Mistake::at("autofix.groups", format!("There is no area called `{}`.{near}", harmless(group))));
    }
    for (id, limits) in &config.checks {
        let key = format!("checks.{id}");
        let Some(check) = catalogue.get(id) else {
            found.push(no_check(key, id));
            continue;
        };
        for (name, value) in limits {
            let key = format!("{key}.{name}");
            let shown = harmless(name);
            match check.params.get(name) {
                None if check.params.is_empty() => {
                    found.push(Mistake::at(key, format!("The check `{id}` has no limits that can be set.")));
                }
                None => {
                    let known: Vec<&str> = check.params.keys().map(String::as_str).collect();
                    let what = format!("The check `{id}` has no limit called `{shown}`. It has: {}.", known.join(", "));
                    found.push(Mistake::at(key, what));
                }
                Some(own) if own.type_str() != value.type_str() => {
                    let what = format!("`{shown}` of the check `{id}` is a value such as {own}, not {value}.");
                    found.push(Mistake::at(key, what));
                }
                Some(_) => {}
            }
        }
    }
}

/// What should answer: its name becomes part of what is stored, and its address must be one that can be asked.
fn targets(targets: &BTreeMap<String, Target>, found: &mut Vec<Mistake>) {
    if targets.len() > targets::MOST {
        let what = format!("There are {} targets; {} is the most.", thousands(targets.len()), targets::MOST);
        found.push(Mistake::at("metrics.targets", what));
    }
    for (name, target) in targets {
        let at = |key: &str| format!("metrics.targets.{name}.{key}");
        if !is_name(name) {
            let what = format!(
                "`{}` is no name for a target: take small letters, digits, `-` and `_`, 64 at most, as in `shop`.",
                harmless(name)
            );
            found.push(Mistake::at(format!("metrics.targets.{name}"), what));
        }
        match targets::address(&target.url) {
            Err(why) => found.push(Mistake::at(at("url"), format!("{why}."))),
            Ok(asks) => {
                if target.status.is_some() && !asks.page {
                    found.push(Mistake::at(at("status"), "`status` belongs to a page: `http://…` or `https://…`."));
                }
                if target.ca_file.is_some() && !asks.encrypted {
                    found.push(Mistake::at(at("ca_file"), "`ca_file` belongs to an encrypted page: `https://…`."));
                }
            }
        }
        if target.status.is_some_and(|status| !(200..=599).contains(&status)) {
            found.push(Mistake::at(at("status"), "`status` is a number from 200 to 599, such as 200."));
        }
        if target.every.duration() < Duration::from_secs(1) {
            found.push(Mistake::at(
                at("every"),
                "`every` is less than a second, which is more often than any target needs.",
            ));
        }
        if target.timeout.duration().is_zero() || target.timeout.duration() > Duration::from_secs(300) {
            found.push(Mistake::at(at("timeout"), "`timeout` must be more than nothing and at most `5m`."));
        }
    }
}

/// Whether it is made of what may be part of file names and units.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    begins && name.len() <= 64 && name.chars().all(fits)
}

fn job(name: &str, job: &Job, found: &mut Vec<Mistake>) {
    let at = |key: &str| format!("schedule.{name}.{key}");
    if let Err(why) = job_name(name) {
        found.push(Mistake::at(format!("schedule.{name}"), why));
    }
    if job.task == Task::Run && job.command.as_deref().is_none_or(|c| c.trim().is_empty()) {
        found.push(Mistake::at(at("do"), "A job that runs something needs a `command`."));
    }
    let only = [
        ("command", job.command.is_some(), &[Task::Run][..]),
        ("root", job.root.is_some(), &[Task::Audit, Task::Report, Task::Email, Task::Fix]),
        ("to", !job.to.is_empty(), &[Task::Email]),
        ("only_when_changed", job.only_when_changed, &[Task::Email]),
        ("histories", job.histories.is_some(), &[Task::Email, Task::Report]),
        ("for", job.reader.is_some(), &[Task::Email, Task::Report]),
        ("folder", job.folder.is_some(), &[Task::Report]),
    ];
    for (key, given, tasks) in only {
        if given && !tasks.contains(&job.task) {
            let tasks: Vec<String> = tasks.iter().map(|t| format!("`do = \"{}\"`", t.name())).collect();
            found.push(Mistake::at(at(key), format!("`{key}` belongs to {}.", tasks.join(" or "))));
        }
    }
    if let Some(zone) = &job.zone
        && TimeZone::get(zone.trim()).is_err()
    {
        let what = format!("`{}` is no time zone, such as `Europe/Berlin`.", harmless(zone));
        found.push(Mistake::at(at("zone"), what));
    } else if let Err(error) = When::parse(&times(job), &TimeZone::UTC) {
        found.push(Mistake::at(at("when"), error.to_string()));
    }
    for person in &job.to {
        found.extend(address(&at("to"), person));
    }
    if job.formats.is_empty() {
        found.push(Mistake::at(
            at("formats"),
            "`formats` names nothing: give `html`, `pdf`, `md`, `json`, `sarif`, `junit`, `csv` or `ocsf`.",
        ));
    }
    if job.histories.is_some() && job.formats.iter().any(|format| !format.is_of_many()) {
        let what = "`sarif`, `junit`, `csv` and `ocsf` tell of one machine, and `histories` makes an overview of many.";
        found.push(Mistake::at(at("formats"), what));
    }
    if job.limit.duration().is_zero() {
        found.push(Mistake::at(at("limit"), "`limit` is nothing, so it could never end."));
    }
}

/// Whether a job may be called so: the name becomes part of file names and units.
///
/// # Errors
/// What would be right, as a sentence.
pub fn job_name(name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no name for a job: take small letters, digits, `-` and `_`, 64 at most, as in `monday-mail`.",
        harmless(name)
    ))
}
