//! Hosts that nobody recorded: put together from the recordings by a draw that always comes out the same.

use std::collections::{BTreeMap, BTreeSet};

use cleanbill::checks::Severity;
use jiff::{SignedDuration, civil::Date};

use crate::{
    history::Workshop,
    recording::{self, Periods, Problem, Recording, day},
};

/// Numbers that look drawn by chance and are the same each time (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }

    /// True in so many of a hundred cases.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The machines of a middling firm: name, the recording whose programs it has, and how many problems of each severity
/// from critical down to tips.
pub const FLEET: [(&str, &str, [usize; 5]); 40] = [
    ("app01", "first", [0, 0, 0, 2, 3]),
    ("app02", "first", [0, 0, 0, 2, 3]),
    ("app03", "first", [0, 0, 1, 2, 4]),
    ("app04", "first", [0, 0, 2, 3, 4]),
    ("app05", "first", [0, 0, 3, 2, 3]),
    ("app06", "first", [0, 1, 1, 2, 4]),
    ("backup01", "healthy", [0, 0, 0, 1, 2]),
    ("build01", "dreadful", [0, 0, 2, 4, 4]),
    ("build02", "dreadful", [0, 1, 2, 4, 4]),
    ("cache01", "dreadful", [0, 0, 1, 2, 3]),
    ("cache02", "dreadful", [1, 0, 1, 2, 3]),
    ("db01", "dreadful", [0, 0, 1, 1, 2]),
    ("db02", "dreadful", [0, 0, 1, 3, 2]),
    ("db03", "dreadful", [0, 0, 2, 2, 3]),
    ("db04", "dreadful", [2, 4, 5, 8, 6]),
    ("dns01", "healthy", [0, 0, 0, 0, 2]),
    ("dns02", "healthy", [0, 0, 0, 0, 2]),
    ("files01", "healthy", [0, 0, 2, 2, 2]),
    ("git01", "weeks", [0, 0, 0, 3, 4]),
    ("intranet", "typical", [0, 0, 3, 5, 6]),
    ("ldap01", "healthy", [0, 0, 0, 1, 2]),
    ("mail01", "healthy", [0, 0, 0, 0, 2]),
    ("mail02", "healthy", [0, 0, 0, 2, 2]),
    ("monitor", "first", [0, 0, 0, 1, 3]),
    ("old-crm", "dreadful", [1, 5, 6, 9, 7]),
    ("print01", "healthy", [0, 0, 2, 3, 2]),
    ("proxy01", "first", [0, 0, 0, 1, 3]),
    ("proxy02", "first", [0, 0, 1, 1, 3]),
    ("shop01", "weeks", [0, 0, 1, 2, 5]),
    ("shop02", "weeks", [0, 0, 1, 3, 5]),
    ("shop03", "weeks", [0, 0, 2, 3, 5]),
    ("stage01", "typical", [0, 1, 3, 5, 6]),
    ("stage02", "typical", [0, 2, 2, 4, 6]),
    ("vpn01", "healthy", [0, 0, 0, 1, 2]),
    ("web01", "typical", [0, 0, 0, 3, 5]),
    ("web02", "typical", [0, 0, 1, 2, 5]),
    ("web03", "typical", [0, 0, 1, 4, 5]),
    ("web04", "typical", [0, 0, 2, 4, 5]),
    ("web05", "typical", [0, 0, 3, 6, 6]),
    ("wiki", "weeks", [0, 1, 1, 4, 5]),
];

/// Machines that were not looked at lately: weeks since.
const LATE: [(&str, i64); 2] = [("print01", 2), ("stage02", 3)];

/// What machines that one person set up have in common.
const COMMON: [&str; 7] = [
    "no-backup-found",
    "passwords-in-open-settings",
    "ssh-password-login",
    "web-without-encryption",
    "files-without-owner",
    "records-only-here",
    "everyone-may-plan-jobs",
];

/// There is no backup, or an old one.
const BACKUPS: [&str; 2] = ["no-backup-found", "backup-too-old"];

/// Problems of all recordings by severity, each check once.
fn pool(workshop: &Workshop) -> Vec<(Severity, Problem)> {
    let mut pool = Vec::new();
    let mut seen = BTreeSet::new();
    for name in recording::HOSTS {
        for problem in recording::host(name).problem {
            if seen.insert(problem.check.clone()) {
                let severity = workshop.severity(&problem);
                pool.push((severity, problem));
            }
        }
    }
    pool
}

/// The machines of [`FLEET`], each with a few weeks of history.
pub fn fleet(workshop: &Workshop) -> Vec<Recording> {
    let pool = pool(workshop);
    let bases: BTreeMap<&str, Recording> = recording::HOSTS.map(|name| (name, recording::host(name))).into();
    let levels = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let mut fleet = Vec::new();
    for (number, (name, base, wanted)) in (1_u64..).zip(FLEET) {
        let mut draw = Draw(number * 7919);
        let mut host = bases[base].clone();
        let moments = late(&mut host, name);
        host.host.name = name.to_owned();
        host.host.id = format!("{:016x}", draw.next());
        host.host.files = vec![i64::try_from(40_000 + draw.next() % 300_000).unwrap().into()];
        host.host.programs = 280 + draw.next() % 240;
        for row in host.facts.get_mut("machine").into_iter().flatten().flat_map(|rows| &mut rows.rows) {
            row.insert("hostname".to_owned(), name.into());
            row.insert("machine_id".to_owned(), host.host.id.clone().into());
        }
        host.waiver.clear();
        host.unseen.retain(|_| draw.chance(30));
        host.problem.clear();
        let mut fit: Vec<_> = pool.iter().filter(|(_, p)| workshop.applies(&host, &p.check)).collect();
        draw.shuffle(&mut fit);
        if draw.chance(60) {
            fit.sort_by_key(|(_, problem)| !COMMON.contains(&problem.check.as_str()));
        }
        // Two problems that shut each other out do not meet.
        if let Some(first) = fit.iter().position(|(_, p)| BACKUPS.contains(&p.check.as_str())) {
            let mut n = 0;
            fit.retain(|(_, p)| {
                n += 1;
                n <= first + 1 || !BACKUPS.contains(&p.check.as_str())
            });
        }
        for (level, count) in levels.into_iter().zip(wanted) {
            let of_level = fit.iter().filter(|(severity, _)| *severity == level);
            for (n, (_, problem)) in of_level.take(count + 1).enumerate() {
                // One more than it has today is what was put right, on some machines.
                let open = if n < count { begins(&mut draw, &moments) } else { ended(&mut draw, &moments, level) };
                if let Some(open) = open {
                    host.problem.push(Problem { open, ..problem.clone() });
                }
            }
        }
        fleet.push(host);
    }
    fleet
}

/// Gives a host its last audits; returns their days.
fn late(host: &mut Recording, name: &str) -> Vec<Date> {
    let weeks = LATE.iter().find(|(late, _)| *late == name).map_or(0, |(_, weeks)| *weeks);
    host.audits.last -= SignedDuration::from_hours(24 * 7 * weeks);
    host.audits.weeks = 3;
    host.audits.also.clear();
    host.moments().into_iter().map(day).collect()
}

fn begins(draw: &mut Draw, moments: &[Date]) -> Option<Periods> {
    Some(match draw.below(10) {
        0 => Periods::new(moments.last().copied(), None),
        1 => Periods::new(moments.get(1).copied(), None),
        _ => Periods::default(),
    })
}

fn ended(draw: &mut Draw, moments: &[Date], level: Severity) -> Option<Periods> {
    let percent = match level {
        Severity::Critical => 2,
        Severity::High => 6,
        Severity::Medium => 16,
        Severity::Low => 24,
        Severity::Info => 4,
    };
    draw.chance(percent).then(|| Periods::new(None, moments.last().copied()))
}

/// Names that people and attackers give to files.
const NAMES: [&str; 26] = [
    "Счёт-№5 за ноябрь.txt",
    "Отчёт (копия).конф",
    "订单 2026 最终版.conf",
    "数据库备份.sql",
    "設定ファイル.ini",
    "고객 명단.csv",
    "فاتورة-٢٠٢٦.pdf",
    "חשבונית.txt",
    "नमस्ते.sh",
    "ไฟล์สำรอง.bak",
    "🔥🦀 café.sh",
    "👨‍👩‍👧‍👦-photos",
    "Z\u{351}\u{36b}\u{343}\u{36a}\u{302}algo.txt",
    "photo\u{202e}gpj.exe",
    "zero\u{200b}width",
    "\u{1b}[31mred\u{1b}[0m",
    "new\nline",
    "tab\there",
    "<script>alert(1)</script>",
    "\"onmouseover=alert(1) x=\"",
    "[click](javascript:alert(1))",
    "| a | table |",
    "`tick` *star* _line_ #5",
    "{{ 7 * 7 }}{% raw %}",
    "'; drop table audits; --",
    "a-very-long-name-without-any-place-to-break-it-a-very-long-name-without-any-place-to-break-it-a-very-long-name-without-any-place-to-break-it",
];

/// How many rows each problem of the huge host has.
const MANY: usize = 66;

/// A machine with five thousand pieces of evidence, most of them under odd names.
pub fn huge(workshop: &Workshop) -> Recording {
    let mut host = recording::host("dreadful");
    "archive".clone_into(&mut host.host.name);
    "0f00d5c0ffee4a11".clone_into(&mut host.host.id);
    host.host.files = vec![9_412_650.into()];
    host.audits.weeks = 2;
    host.without.clear();
    host.unseen.clear();
    host.problem = pool(workshop).into_iter().map(|(_, problem)| problem).collect();
    let mut names = NAMES.iter().cycle();
    for problem in &mut host.problem {
        problem.open = Periods::default();
        let some = problem.rows.clone();
        problem.rows = (0..MANY)
            .map(|n| {
                let mut row = some[n % some.len()].clone();
                for (column, cell) in &mut row {
                    let named = ["source", "path", "place", "username", "name", "names", "process", "comment", "what"];
                    if let (true, Some(text)) = (named.contains(&column.as_str()), cell.as_str()) {
                        let folder = text.rsplit_once('/').map_or("", |(folder, _)| folder);
                        let slash = if text.starts_with('/') { "/" } else { "" };
                        *cell = format!("{folder}{slash}{} {n}", names.next().unwrap()).into();
                    }
                }
                row
            })
            .collect();
    }
    host
}
