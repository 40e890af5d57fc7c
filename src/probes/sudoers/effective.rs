//! What the statements of sudoers come to: aliases opened, settings applied, and which rule a later one overrules.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    SudoDefault, Sudoer,
    files::{Placed, hostname},
    parse::{CommandSpec, Item, Kind, Statement},
};
use crate::{
    facts::{Facts, Gap, Reason},
    host::Host,
    probes::{
        accounts::{self, Passwd},
        rights::People,
    },
};

/// Rows at most: aliases of aliases multiply.
const ROWS: usize = 20_000;

/// How deep aliases may stand in each other.
const DEPTH: usize = 32;

/// What a list with aliases comes to.
#[derive(Default)]
struct Opened {
    yes: Vec<String>,
    no: Vec<String>,
    steps: usize,
}

struct World<'a> {
    aliases: BTreeMap<(Kind, &'a str), &'a [Item]>,
    users: Vec<Passwd>,
    members: BTreeMap<String, Vec<String>>,
    hostname: String,
}

/// Pushes the rules and settings.
pub(super) fn push(host: &Host, statements: &[Placed], facts: &mut Facts) {
    let users = accounts::users(host);
    let members = accounts::members(host, &users);
    let mut world = World { aliases: BTreeMap::new(), users, members, hostname: hostname(host) };
    for placed in statements {
        if let Statement::Alias { kind, name, items } = &placed.statement {
            world.aliases.insert((*kind, name), items);
        }
    }
    let settings = push_settings(&world, statements, facts);
    let people = People::read(host);
    let mut changeable: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut rows = Vec::new();
    'all: for placed in statements {
        let Statement::Rule { users, header, details, hosts, commands } = &placed.statement else { continue };
        let (who, who_excluding) = world.open(Kind::User, users);
        let here = world.here(hosts);
        // A negated command takes away from all that the rule gives.
        let mut excluding = BTreeSet::new();
        let mut given: Vec<(&CommandSpec, String)> = Vec::new();
        for spec in commands {
            let (yes, no) = world.open(Kind::Command, std::slice::from_ref(&spec.command));
            excluding.extend(no);
            given.extend(yes.into_iter().map(|c| (spec, c)));
        }
        let excluding = excluding.into_iter().collect::<Vec<_>>().join(", ");
        for who in &who {
            let (who_kind, name) = world.who(who);
            for (spec, command) in &given {
                if rows.len() >= ROWS {
                    let reason = Reason::Broken(format!("they come to more than {ROWS}"));
                    facts.partial::<Sudoer>(Gap::new("all rules about who may act as root", &placed.source, reason));
                    break 'all;
                }
                let (runas, as_root) = world.runas(spec);
                let any_command = command == "ALL";
                let program = (!any_command).then(|| program(command));
                let changeable_by =
                    program.as_ref().filter(|p| p.starts_with('/') && !p.contains(['*', '?', '['])).and_then(|p| {
                        let found = changeable
                            .entry(p.clone())
                            .or_insert_with(|| people.changeable(host, p.trim_end_matches('/'), 0).map(|(who, _)| who));
                        found.clone()
                    });
                let applies =
                    |scope: &Option<(Kind, Vec<String>)>| world.applies(scope, who_kind, &name, command, &runas);
                let asks = |setting: &str| {
                    settings.iter().rev().find(|s| s.name == setting && applies(&s.scope)).map(|s| s.value == "on")
                };
                rows.push(Sudoer {
                    source: placed.source.clone(),
                    line: placed.line,
                    header: header.clone(),
                    rule_details: details.clone(),
                    who_kind: who_kind.to_owned(),
                    who_present: world.present(who_kind, &name),
                    who: name.clone(),
                    who_excluding: who_excluding.join(", "),
                    here,
                    as_root,
                    command: command.clone(),
                    program,
                    any_command,
                    command_excluding: excluding.clone(),
                    nopasswd: spec.nopasswd.unwrap_or_else(|| asks("authenticate") == Some(false)),
                    asks_for: match (asks("rootpw"), asks("targetpw"), asks("runaspw")) {
                        (Some(true), ..) => "root",
                        (_, Some(true), _) | (.., Some(true)) => "target",
                        _ => "own",
                    }
                    .to_owned(),
                    noexec: spec.noexec,
                    setenv: spec.setenv,
                    overruled: false,
                    changeable_by,
                    runas,
                });
            }
        }
    }
    overrule(&world, &mut rows);
    for row in rows {
        facts.push(row);
    }
}

struct Setting {
    scope: Option<(Kind, Vec<String>)>,
    name: String,
    value: String,
}

fn push_settings(world: &World<'_>, statements: &[Placed], facts: &mut Facts) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut position = 0;
    for placed in statements {
        let Statement::Defaults { scope, settings: pairs } = &placed.statement else { continue };
        let scope = scope.as_ref().map(|(kind, items)| (*kind, world.open(*kind, items).0));
        let words = match &scope {
            None => "all".to_owned(),
            Some((kind, items)) => {
                let kind = match kind {
                    Kind::User => "user",
                    Kind::Runas => "runas",
                    Kind::Host => "host",
                    Kind::Command => "command",
                };
                format!("{kind} {}", items.join(", "))
            }
        };
        for (name, value) in pairs {
            position += 1;
            facts.push(SudoDefault {
                source: placed.source.clone(),
                line: placed.line,
                position,
                scope: words.clone(),
                name: name.clone(),
                value: value.clone(),
            });
            settings.push(Setting { scope: scope.clone(), name: name.clone(), value: value.clone() });
        }
    }
    settings
}

/// The program of a command.
fn program(command: &str) -> String {
    command.split(' ').next().unwrap_or_default().trim_start_matches('^').to_owned()
}

impl World<'_> {
    /// Opens aliases: what is meant, and what is left out.
    fn open(&self, kind: Kind, items: &[Item]) -> (Vec<String>, Vec<String>) {
        let mut opened = Opened::default();
        self.open_into(kind, items, false, 0, &mut opened);
        (opened.yes, opened.no)
    }

    fn open_into(&self, kind: Kind, items: &[Item], turned: bool, depth: usize, opened: &mut Opened) {
        for item in items {
            let turned = turned != item.negated;
            opened.steps += 1;
            match self.aliases.get(&(kind, item.text.as_str())) {
                // Aliases that lead back to themselves end at this depth, and sudo refuses them.
                Some(inside) if item.text != "ALL" => {
                    if depth < DEPTH && opened.steps < ROWS {
                        self.open_into(kind, inside, turned, depth + 1, opened);
                    }
                }
                _ if turned => opened.no.push(item.text.clone()),
                _ => opened.yes.push(item.text.clone()),
            }
        }
    }

    fn who(&self, text: &str) -> (&'static str, String) {
        if text == "ALL" {
            return ("everyone", text.to_owned());
        }
        if let Some(group) = text.strip_prefix('%') {
            return ("group", group.trim_start_matches(':').to_owned());
        }
        if let Some(netgroup) = text.strip_prefix('+') {
            return ("netgroup", netgroup.to_owned());
        }
        let by_number = text.strip_prefix('#').and_then(|n| n.parse::<u32>().ok());
        let named = by_number.and_then(|n| self.users.iter().find(|u| u.uid == n)).map(|u| u.name.clone());
        ("user", named.unwrap_or_else(|| text.to_owned()))
    }

    fn present(&self, kind: &str, name: &str) -> bool {
        match kind {
            "user" => self.users.iter().any(|u| u.name == name),
            "group" => name.starts_with('#') || self.members.contains_key(name),
            _ => true,
        }
    }

    /// Names and the word ALL are decided; addresses and netgroups are taken to fit.
    fn here(&self, hosts: &[Item]) -> bool {
        let (yes, no) = self.open(Kind::Host, hosts);
        let short = |h: &str| h.split('.').next().unwrap_or_default().to_owned();
        let is_name =
            |h: &str| h.chars().any(char::is_alphabetic) && !h.starts_with('+') && !h.contains([':', '/', '*']);
        let fits = |h: &String| h == "ALL" || !is_name(h) || short(h).eq_ignore_ascii_case(&self.hostname);
        yes.iter().any(fits) && !no.iter().any(|h| is_name(h) && fits(h))
    }

    /// As whom a command runs, in words of sudoers, and whether that includes root.
    fn runas(&self, spec: &CommandSpec) -> (String, bool) {
        let Some(items) = &spec.runas else { return ("root".to_owned(), true) };
        if items.is_empty() {
            // Only a group is given: the command runs as the user who asks.
            return ("self".to_owned(), false);
        }
        let (yes, no) = self.open(Kind::Runas, items);
        let root = |u: &String| u == "root" || u == "#0" || u == "ALL" || u == "%root";
        // Shutting root out of ALL has been got round before, but that is what the rule says.
        let as_root = yes.iter().any(root) && !no.iter().any(root);
        let words = yes.into_iter().chain(no.into_iter().map(|u| format!("!{u}"))).collect::<Vec<_>>().join(", ");
        (words, as_root)
    }

    fn is_in(&self, user: &str, group: &str) -> bool {
        self.members.get(group).is_some_and(|m| m.iter().any(|name| name == user))
    }

    /// Whether someone of a rule is meant by a user or group of sudoers.
    fn covers(&self, text: &str, who_kind: &str, who: &str) -> bool {
        let (kind, name) = self.who(text);
        match (kind, who_kind) {
            ("everyone", _) => true,
            ("group", "user") => self.is_in(who, &name),
            (a, b) => a == b && name == who,
        }
    }

    fn applies(
        &self,
        scope: &Option<(Kind, Vec<String>)>,
        who_kind: &str,
        who: &str,
        command: &str,
        runas: &str,
    ) -> bool {
        match scope {
            None => true,
            Some((Kind::User, items)) => items.iter().any(|i| self.covers(i, who_kind, who)),
            Some((Kind::Host, items)) => {
                self.here(&items.iter().map(|i| Item { negated: false, text: i.clone() }).collect::<Vec<_>>())
            }
            Some((Kind::Command, items)) => items.iter().any(|i| i == "ALL" || i == command || program(command) == *i),
            Some((Kind::Runas, items)) => items.iter().any(|i| i == "ALL" || runas.split(", ").any(|r| r == i)),
        }
    }
}

/// The last rule that fits counts: one that lets the same people run anything as root on this machine makes all
/// earlier ones for them idle.
fn overrule(world: &World<'_>, rows: &mut [Sudoer]) {
    let wide: Vec<(usize, String)> = rows
        .iter()
        .enumerate()
        .filter(|(_, r)| {
            r.here && r.as_root && r.any_command && r.command_excluding.is_empty() && r.who_excluding.is_empty()
        })
        .map(|(at, r)| (at, if r.who_kind == "group" { format!("%{}", r.who) } else { r.who.clone() }))
        .collect();
    for (at, row) in rows.iter_mut().enumerate() {
        row.overruled = wide
            .iter()
            .rev()
            .take(200)
            .any(|(later, text)| *later > at && row.as_root && world.covers(text, &row.who_kind, &row.who));
    }
}
