//! Programs that run right now, from one pass over `/proc`. What stands on their command lines is cut short and
//! what looks like a secret in it is masked.

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT, rights::Names};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, ReadError},
};

fact_table! {
    /// One row for each running process; threads of the kernel are left out.
    "processes" => Process {
        /// Directory the row was read from.
        source: String,
        /// Its number.
        pid: i64,
        /// Number of the process that started it.
        parent: i64,
        /// Short name, up to 15 characters.
        name: String,
        /// Program file; null when only root may see it.
        path: Option<String>,
        /// Up to 80 characters of its command line, with secrets masked.
        cmdline: String,
        /// Number of the user whose rights it has.
        uid: i64,
        /// Name of that user; null when there is none.
        username: Option<String>,
        /// When it started.
        started: Option<Timestamp>,
        /// Whether its program file was deleted or replaced since; null when only root may see it.
        on_deleted_file: Option<bool>,
        /// Whether it runs inside a container; null when only root may see it.
        in_container: Option<bool>,
    }
    offline: false,
    examples: [
        "select pid, name, path, username from processes where on_deleted_file",
        "select username, count(*) as n from processes group by username order by n desc",
    ],
}

/// The probe.
pub const PROBE: Probe =
    Probe { name: "processes", about: "which programs run", tables: &[Process::TABLE], limit: USUAL_LIMIT, run };

/// Characters of a command line that are kept.
const LINE_LIMIT: usize = 80;
/// Kernel clock ticks in a second, as every Linux architecture reports them to programs.
const TICKS: i64 = 100;

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let users = Names::users(host);
    let booted = host
        .read_text("/proc/stat")
        .ok()
        .and_then(|t| t.lines().find_map(|l| l.strip_prefix("btime ")?.trim().parse::<i64>().ok()));
    let mine = host.read_link("/proc/1/ns/pid").ok().or_else(|| host.read_link("/proc/self/ns/pid").ok());
    let mut hidden = false;
    for entry in host.list("/proc")? {
        let Ok(pid) = entry.name.parse::<i64>() else { continue };
        if let Some(process) = process(host, &entry.path, pid, &users, booted, mine.as_deref()) {
            hidden |= process.path.is_none();
            facts.push(process);
        }
    }
    if hidden && !host.is_root() {
        facts.partial::<Process>(Gap::new("the program files of other users' processes", "/proc", Reason::NeedsRoot));
    }
    Ok(())
}

/// One process; nothing when it ended meanwhile or belongs to the kernel.
fn process(
    host: &Host,
    dir: &str,
    pid: i64,
    users: &Names,
    booted: Option<i64>,
    mine: Option<&str>,
) -> Option<Process> {
    let stat = host.read_text(&format!("{dir}/stat")).ok()?;
    let stat = Stat::parse(&stat)?;
    if pid == 2 || stat.parent == 2 || stat.kernel_thread {
        return None;
    }
    let status = host.read_text(&format!("{dir}/status")).ok()?;
    let uid: u32 = field(&status, "Uid:")?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let cmdline = host.read_text(&format!("{dir}/cmdline")).unwrap_or_default();
    let args: Vec<&str> = cmdline.trim_end_matches('\0').split('\0').collect();
    let exe = match host.read_link(&format!("{dir}/exe")) {
        Ok(path) => Some(path),
        // A zombie has no program any more.
        Err(ReadError::NotFound(_)) if stat.zombie => return None,
        Err(_) => None,
    };
    let deleted = exe.as_deref().map(|p| p.ends_with(" (deleted)"));
    let path = exe.map(|p| p.trim_end_matches(" (deleted)").to_owned());
    let space = host.read_link(&format!("{dir}/ns/pid")).ok();
    Some(Process {
        source: dir.to_owned(),
        pid,
        parent: stat.parent,
        name: stat.name,
        path,
        cmdline: line(&args),
        uid: uid.into(),
        username: users.get(uid).map(str::to_owned),
        started: booted.and_then(|b| b.checked_add(stat.start / TICKS)).and_then(|s| Timestamp::from_second(s).ok()),
        on_deleted_file: deleted,
        in_container: match (space, mine) {
            (Some(its), Some(ours)) => Some(its != ours),
            _ => None,
        },
    })
}

/// What is needed of `/proc/PID/stat` (proc(5)).
struct Stat {
    name: String,
    parent: i64,
    start: i64,
    zombie: bool,
    kernel_thread: bool,
}

impl Stat {
    /// The name may hold spaces and parentheses: the last one ends it.
    fn parse(text: &str) -> Option<Self> {
        let (head, tail) = text.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        let mut fields = tail.split_ascii_whitespace();
        let zombie = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let flags: u64 = fields.nth(4)?.parse().ok()?;
        let start = fields.nth(12)?.parse().ok()?;
        // PF_KTHREAD of the kernel's sched.h.
        Some(Stat { name, parent, start, zombie, kernel_thread: flags & 0x0020_0000 != 0 })
    }
}

fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|l| l.strip_prefix(key)).map(str::trim)
}

fn line(args: &[&str]) -> String {
    let text = mask(args).join(" ");
    match text.char_indices().nth(LINE_LIMIT) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// Words in the name of an option or variable whose value nobody should see.
const SECRET_WORDS: &[&str] =
    &["passw", "passphrase", "pwd", "secret", "token", "apikey", "api-key", "api_key", "credential", "private-key"];
/// Words in the name of an option that only says where a secret is, or how long one lives.
const HARMLESS_WORDS: &[&str] = &["file", "path", "dir", "timeout", "length", "ask", "prompt"];

/// Arguments with the secrets in them masked.
pub(crate) fn mask(args: &[&str]) -> Vec<String> {
    let program = args.first().and_then(|p| p.rsplit('/').next()).unwrap_or_default();
    let short_password = ["mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "sshpass"].contains(&program);
    let mut out = Vec::with_capacity(args.len());
    let mut hide_next = false;
    for (index, arg) in args.iter().enumerate() {
        let secret = |name: &str| {
            let name = name.to_ascii_lowercase();
            SECRET_WORDS.iter().any(|w| name.contains(w)) && !HARMLESS_WORDS.iter().any(|w| name.contains(w))
        };
        if arg.len() > 1 && matches!(arg.as_bytes().first(), Some(b'{' | b'[')) && arg.contains(['"', ':']) {
            // Settings in one argument: who knows what is in them.
            out.push("{…}".to_owned());
        } else if std::mem::take(&mut hide_next) && !arg.starts_with('-') {
            out.push("***".to_owned());
        } else if let Some((name, value)) = arg.split_once('=').filter(|(name, _)| index > 0 || !name.contains('/')) {
            out.push(if secret(name) && !value.is_empty() { format!("{name}=***") } else { mask_url(arg) });
        } else if short_password && index > 0 && arg.starts_with("-p") && arg.len() > 2 {
            out.push("-p***".to_owned());
        } else {
            hide_next = index > 0 && arg.starts_with('-') && (secret(arg) || (short_password && *arg == "-p"));
            hide_next |= index > 0 && ["-u", "--user"].contains(arg) && ["curl", "wget"].contains(&program);
            out.push(if arg.to_ascii_lowercase().starts_with("authorization:") {
                "Authorization: ***".to_owned()
            } else {
                mask_url(arg)
            });
        }
    }
    out
}

/// `scheme://user:secret@host` without the secret.
fn mask_url(arg: &str) -> String {
    let masked = || {
        let (scheme, rest) = arg.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (user, host) = authority.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:***@{host}{path}"))
    };
    masked().unwrap_or_else(|| arg.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_on_command_lines_are_masked() {
        let masked = |text: &str| line(&text.split(' ').collect::<Vec<_>>());
        assert_eq!(masked("app --password hunter2 -v"), "app --password *** -v");
        assert_eq!(masked("app --db-password=hunter2"), "app --db-password=***");
        assert_eq!(masked("/usr/bin/mysql -phunter2 -u root"), "/usr/bin/mysql -p*** -u root");
        assert_eq!(masked("curl -u me:hunter2 https://x"), "curl -u *** https://x");
        assert_eq!(masked("worker postgres://me:hunter2@db/x"), "worker postgres://me:***@db/x");
        assert_eq!(masked("env API_TOKEN=hunter2 run"), "env API_TOKEN=*** run");
        assert_eq!(masked("run --env {\"KEY\":\"hunter2\"}"), "run --env {…}");
        assert_eq!(masked("tool --password-file=/etc/x --author=me"), "tool --password-file=/etc/x --author=me");
        assert_eq!(masked("nginx -p /etc/nginx"), "nginx -p /etc/nginx");
        assert!(masked(&format!("x {}", "ä".repeat(200))).chars().count() <= LINE_LIMIT + 1);
    }

    #[test]
    fn names_with_spaces_and_parentheses_are_read() {
        let text = "42 (a) b (x) S 7 42 42 0 -1 4194560 1 0 0 0 2 3 0 0 20 0 1 0 12345 999 1 18446744073709551615";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.name.as_str(), stat.parent, stat.start), ("a) b (x", 7, 12345));
        assert!(!stat.kernel_thread && !stat.zombie);
        assert!(Stat::parse("junk").is_none());
    }

    #[test]
    fn we_see_ourselves() {
        let host = Host::live().unwrap();
        let facts = crate::probes::run_one(&PROBE, &host);
        let me = i64::from(std::process::id());
        let rows = facts.rows("processes");
        let own = rows.iter().find(|r| r["pid"] == me).unwrap();
        assert_eq!(own["uid"], i64::from(rustix::process::geteuid().as_raw()));
        assert_eq!(own["path"].as_str(), std::env::current_exe().unwrap().to_str());
        assert_eq!(own["on_deleted_file"], false);
    }
}
