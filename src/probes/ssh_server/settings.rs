//! The effective settings of the OpenSSH server: what its files say, in its own order of precedence, over the
//! defaults of the installed version. Where the server itself can answer (`sshd -T`), its answer counts.

use super::parse::{self, GLOBAL, Line};
use crate::{
    facts::Gap,
    host::{Command, Host},
};

/// What a gap in the settings is called.
pub(super) const WHAT: &str = "how the login server (SSH) is set up";

/// One effective setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Keyword in lower case, by its present name.
    pub keyword: String,
    /// Value as `sshd -T` prints it.
    pub value: String,
    /// File, or `default`.
    pub source: String,
    /// Line in the file.
    pub line: Option<i64>,
    /// `global` or the Match line.
    pub context: String,
}

/// All effective settings.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Settings by keyword; some keywords have several.
    pub all: Vec<Setting>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What the server says is wrong with its files.
    pub mistake: Option<String>,
}

impl Settings {
    /// The value that holds for everyone.
    pub(crate) fn get(&self, keyword: &str) -> Option<&str> {
        self.all.iter().find(|s| s.keyword == keyword && s.context == GLOBAL).map(|s| s.value.as_str())
    }

    /// All values that hold for everyone.
    pub(crate) fn values<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        let global = self.all.iter().filter(move |s| s.keyword == keyword && s.context == GLOBAL);
        global.map(|s| s.value.as_str())
    }

    /// Whether a switch is on for everyone.
    pub(crate) fn is(&self, keyword: &str, value: &str) -> bool {
        self.get(keyword) == Some(value)
    }
}

/// Reads the settings of the installed server.
pub(crate) fn read(host: &Host, version: Option<&str>) -> Settings {
    let options = start_options(host);
    let path = options.file.as_deref().unwrap_or("/etc/ssh/sshd_config");
    let reading = parse::read(host, path, WHAT);
    let mut gaps = reading.gaps;
    if reading.files.is_empty() && gaps.is_empty() {
        let reason = crate::facts::Reason::Broken("the file is missing".to_owned());
        gaps.push(Gap::new(WHAT, path, reason));
    }
    let lines: Vec<Line> = options.lines.into_iter().chain(reading.lines).collect();
    let mut explicit = settle(&lines);
    let (answer, mistake) = ask(host, &options.args);
    let defaults = answer.as_deref().unwrap_or_else(|| defaults(version));
    let mut all = Vec::new();
    if answer.is_some() {
        // The server read everything itself; our own reading only says where each value stands.
        gaps.clear();
        for (keyword, value) in pairs(defaults) {
            // Old versions print a keyword by its old and by its new name.
            if !ADDING.contains(&keyword.as_str()) && all.iter().any(|s: &Setting| s.keyword == keyword) {
                continue;
            }
            let mine = explicit.iter().filter(|s| s.context == GLOBAL && s.keyword == keyword);
            let found = mine.clone().find(|s| s.value == value).or_else(|| mine.clone().next());
            let (source, line) = found.map_or(("default".to_owned(), None), |s| (s.source.clone(), s.line));
            all.push(Setting { keyword, value, source, line, context: GLOBAL.to_owned() });
        }
        explicit.retain(|s| s.context != GLOBAL);
        all.append(&mut explicit);
    } else {
        fill(&mut explicit, defaults);
        all = explicit;
    }
    Settings { all, gaps, mistake }
}

/// Adds defaults for all that is not set, and works out what depends on them.
fn fill(settings: &mut Vec<Setting>, defaults: &str) {
    let ours: Vec<String> = settings.iter().filter(|s| s.context == GLOBAL).map(|s| s.keyword.clone()).collect();
    let default = |keyword: &str, value: String| Setting {
        keyword: keyword.to_owned(),
        value,
        source: "default".to_owned(),
        line: None,
        context: GLOBAL.to_owned(),
    };
    for (keyword, value) in pairs(defaults) {
        let twice = !ADDING.contains(&keyword.as_str())
            && settings.iter().any(|s| s.keyword == keyword && s.source == "default");
        if !ours.contains(&keyword) && !twice {
            settings.push(default(&keyword, value));
        }
    }
    for setting in settings.iter_mut().filter(|s| s.value.starts_with(['+', '-', '^'])) {
        let known = pairs(defaults).find(|(k, _)| *k == setting.keyword);
        if let Some((_, list)) = known {
            setting.value = assemble(&list, &setting.value);
        }
    }
    if !ours.iter().any(|k| k == "port") {
        settings.push(default("port", "22".to_owned()));
    }
    let ports: Vec<String> = global(settings, "port").map(|s| s.value.clone()).collect();
    let family = global(settings, "addressfamily").next().map(|s| s.value.clone()).unwrap_or_default();
    if ours.iter().any(|k| k == "listenaddress") {
        let old: Vec<Setting> = global(settings, "listenaddress").cloned().collect();
        settings.retain(|s| s.keyword != "listenaddress");
        for setting in old {
            for value in addresses(&setting.value, &ports) {
                settings.push(Setting { value, ..setting.clone() });
            }
        }
    } else {
        for port in &ports {
            for (address, other) in [("[::]", "inet"), ("0.0.0.0", "inet6")] {
                if family != other {
                    settings.push(default("listenaddress", format!("{address}:{port}")));
                }
            }
        }
    }
}

fn global<'a>(settings: &'a [Setting], keyword: &'a str) -> impl Iterator<Item = &'a Setting> {
    settings.iter().filter(move |s| s.keyword == keyword && s.context == GLOBAL)
}

/// A ListenAddress with its port, or with every Port when it names none.
fn addresses(value: &str, ports: &[String]) -> Vec<String> {
    let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let (host, port) = match value.strip_prefix('[').and_then(|v| v.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None if value.matches(':').count() == 1 => value.split_once(':').map_or((value, None), |(h, p)| (h, Some(p))),
        None => (value, None),
    };
    match port {
        Some(port) => vec![format!("{}:{port}", bracketed(host))],
        None => ports.iter().map(|port| format!("{}:{port}", bracketed(host))).collect(),
    }
}

/// A list of algorithms changed by `+more`, `-less` or `^first`, as kex_assemble_names() does.
fn assemble(list: &str, change: &str) -> String {
    let (sign, names) = change.split_at(1);
    let listed = list.split(',').filter(|n| !n.is_empty());
    let named: Vec<&str> = names.split(',').filter(|n| !n.is_empty()).collect();
    let hit = |name: &str| named.iter().any(|pattern| like(pattern, name));
    let all: Vec<&str> = match sign {
        "-" => listed.filter(|n| !hit(n)).collect(),
        "^" => named.iter().copied().chain(listed.filter(|n| !hit(n))).collect(),
        _ => listed.chain(named.iter().copied().filter(|n| !list.split(',').any(|l| l == *n))).collect(),
    };
    all.join(",")
}

/// OpenSSH's patterns: `*` any text, `?` one character.
pub(crate) fn like(pattern: &str, name: &str) -> bool {
    let glob = globset::GlobBuilder::new(&pattern.replace(['[', '{'], "?")).literal_separator(false).build();
    glob.is_ok_and(|g| g.compile_matcher().is_match(name))
}

/// Keywords that may stand several times, each adding.
const ADDING: &[&str] = &[
    "port",
    "listenaddress",
    "hostkey",
    "hostcertificate",
    "acceptenv",
    "allowusers",
    "denyusers",
    "allowgroups",
    "denygroups",
    "subsystem",
];
/// Of these, every word is a value of its own.
const EACH_WORD: &[&str] = &["acceptenv", "allowusers", "denyusers", "allowgroups", "denygroups"];
/// Times: `2m` means 120.
const TIMES: &[&str] = &["logingracetime", "clientaliveinterval"];
/// Words whose case does not matter.
const SWITCHES: &[&str] = &[
    "permitrootlogin",
    "addressfamily",
    "gatewayports",
    "allowtcpforwarding",
    "compression",
    "permittunnel",
    "allowstreamlocalforwarding",
    "permituserenvironment",
    "ignorerhosts",
];

/// From lines to settings: the first value counts, except for keywords that add; `Match all` holds for everyone.
fn settle(lines: &[Line]) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    // What holds for everyone because of `Match all` goes before what stands outside all blocks.
    let everyone = |l: &&Line| l.context.eq_ignore_ascii_case("match all");
    let (first, rest): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(everyone);
    for line in first.into_iter().chain(rest) {
        let keyword = present_name(&line.keyword);
        let context = if everyone(&line) { GLOBAL } else { line.context.as_str() };
        let adds = ADDING.contains(&keyword);
        if !adds && settings.iter().any(|s| s.keyword == keyword && s.context == context) {
            continue;
        }
        let values = if EACH_WORD.contains(&keyword) { line.words.clone() } else { vec![normal(keyword, &line.words)] };
        for value in values {
            settings.push(Setting {
                keyword: keyword.to_owned(),
                value,
                source: line.source.clone(),
                line: (line.line > 0).then_some(line.line),
                context: context.to_owned(),
            });
        }
    }
    settings
}

/// Old names of keywords.
fn present_name(keyword: &str) -> &str {
    match keyword {
        "challengeresponseauthentication" | "skeyauthentication" => "kbdinteractiveauthentication",
        "dsaauthentication" => "pubkeyauthentication",
        "pubkeyacceptedkeytypes" => "pubkeyacceptedalgorithms",
        "hostbasedacceptedkeytypes" => "hostbasedacceptedalgorithms",
        "keepalive" => "tcpkeepalive",
        other => other,
    }
}

/// A value as `sshd -T` would print it.
fn normal(keyword: &str, words: &[String]) -> String {
    let text = words.join(" ");
    let lower = text.to_lowercase();
    match (keyword, lower.as_str()) {
        ("permitrootlogin", "without-password") => return "prohibit-password".to_owned(),
        ("allowtcpforwarding" | "allowstreamlocalforwarding", "all") => return "yes".to_owned(),
        (_, "true") => return "yes".to_owned(),
        (_, "false") => return "no".to_owned(),
        (_, "yes" | "no" | "none") => return lower,
        ("loglevel" | "syslogfacility", _) => return text.to_uppercase(),
        ("maxstartups", _) if !text.contains(':') => return format!("{text}:100:{text}"),
        ("ipqos", _) if words.len() == 1 => return format!("{text} {text}"),
        _ => {}
    }
    if TIMES.contains(&keyword) {
        return seconds(&lower).map_or(text, |n| n.to_string());
    }
    if SWITCHES.contains(&keyword) && lower.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') { lower } else { text }
}

/// `1h30m` in seconds, sshd_config(5) TIME FORMATS.
fn seconds(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    if number.is_empty() { Some(total) } else { total.checked_add(number.parse().ok()?) }
}

/// Keyword and value of the lines of `sshd -T`.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let lines = text.lines().filter_map(|l| l.split_once(' '));
    lines.map(|(k, v)| {
        let keyword = k.to_lowercase();
        let keyword = present_name(&keyword).to_owned();
        let value = if v == "without-password" { "prohibit-password".to_owned() } else { v.trim().to_owned() };
        (keyword, value)
    })
}

/// What `sshd -T -f /dev/null` printed, by OpenSSH version: Debian 11, 12 and 13.
const DEFAULTS: &[((u32, u32), &str)] = &[
    ((8, 4), include_str!("defaults/sshd-8.4.txt")),
    ((9, 2), include_str!("defaults/sshd-9.2.txt")),
    ((10, 0), include_str!("defaults/sshd-10.0.txt")),
];

/// The defaults of the newest known version that is not newer than the installed one.
fn defaults(version: Option<&str>) -> &'static str {
    let (first, rest) = version.and_then(|v| v.split_once('.')).unwrap_or(("9", "2"));
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let version = (first.parse().unwrap_or(9), minor.parse().unwrap_or(2));
    let known = DEFAULTS.iter().rev().find(|(v, _)| *v <= version).or(DEFAULTS.first());
    known.map_or("", |(_, text)| text)
}

/// What the service hands to the server when it starts it.
#[derive(Default)]
struct StartOptions {
    args: Vec<String>,
    lines: Vec<Line>,
    file: Option<String>,
}

/// `SSHD_OPTS` of `/etc/default/ssh`: `-o Key=value`, `-p port`, `-f file`.
fn start_options(host: &Host) -> StartOptions {
    let mut options = StartOptions::default();
    let path = "/etc/default/ssh";
    let text = host.read_text(path).unwrap_or_default();
    let said = (1_i64..).zip(text.lines()).filter_map(|(n, l)| Some((n, l.trim().strip_prefix("SSHD_OPTS=")?)));
    let Some((number, value)) = said.last() else { return options };
    let value = value.trim().trim_matches(['"', '\'']);
    let mut words = parse::words(value).into_iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.get(..2).filter(|f| ["-o", "-p", "-f"].contains(f)) else { continue };
        let rest = word.get(2..).unwrap_or_default();
        let next = if rest.is_empty() { words.next() } else { Some(rest.to_owned()) };
        let Some(value) = next else { continue };
        options.args.extend([flag.to_owned(), value.clone()]);
        let line = match flag {
            "-p" => Some(("port".to_owned(), vec![value])),
            "-o" => parse::split(&value),
            _ => {
                options.file = Some(value);
                None
            }
        };
        options.lines.extend(line.map(|(keyword, words)| Line {
            keyword,
            words,
            source: path.to_owned(),
            line: number,
            context: GLOBAL.to_owned(),
        }));
    }
    options
}

/// Asks the server; gives its answer, or what it says is wrong with its files.
fn ask(host: &Host, args: &[String]) -> (Option<String>, Option<String>) {
    // Without root it cannot read its own host keys and gives up.
    if !host.is_live() || !host.is_root() {
        return (None, None);
    }
    let command = Command::new(&["/usr/sbin/sshd"]).args(["-T"]).args(args.iter().cloned());
    match host.run(&command) {
        Ok(output) if output.code == 0 => (Some(output.stdout), None),
        Ok(output) => {
            // These two say that it is not running or never ran, not that its files are wrong.
            let excuse =
                ["privilege separation", "no hostkeys available", "Deprecated option", "Unable to load host key"];
            let said = output.stderr.lines().map(str::trim);
            let mut said = said.filter(|l| !l.is_empty() && !excuse.iter().any(|e| l.contains(e)));
            (None, said.next().map(str::to_owned))
        }
        Err(_) => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use super::*;
    use crate::host::Output;

    fn fixture(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ssh").join(name)
    }

    fn host(name: &str, canned: BTreeMap<String, Output>) -> Host {
        Host::fake(&fixture(name), jiff::Timestamp::UNIX_EPOCH, canned).unwrap()
    }

    fn sorted(settings: &Settings) -> Vec<(String, String)> {
        let global = settings.all.iter().filter(|s| s.context == GLOBAL);
        let mut pairs: Vec<_> = global.map(|s| (s.keyword.clone(), s.value.clone())).collect();
        pairs.sort();
        pairs
    }

    /// The fixtures are real configurations and what the real server of Debian 12 answered for them.
    #[test]
    fn our_reading_agrees_with_the_server_itself() {
        for name in ["stock", "tricky"] {
            let settings = read(&host(name, BTreeMap::new()), Some("9.2p1"));
            let answer = std::fs::read_to_string(fixture(name).join("sshd-T.txt")).unwrap();
            let mut expected: Vec<_> = pairs(&answer).collect();
            expected.sort();
            let ours = sorted(&settings);
            let obsolete = |(k, _): &&(String, String)| k != "keyregenerationinterval";
            let missing: Vec<_> = expected.iter().filter(|p| !ours.contains(p)).collect();
            let extra: Vec<_> = ours.iter().filter(|p| !expected.contains(p)).filter(obsolete).collect();
            assert!(missing.is_empty() && extra.is_empty(), "{name}: missing {missing:#?}, extra {extra:#?}");
        }
    }

    #[test]
    fn values_from_the_server_keep_the_line_they_stand_on() {
        let answer = std::fs::read_to_string(fixture("tricky").join("sshd-T.txt")).unwrap();
        let canned = BTreeMap::from([("/usr/sbin/sshd -T".to_owned(), Output::ok(answer))]);
        let asked = read(&host("tricky", canned), None);
        let read = read(&host("tricky", BTreeMap::new()), Some("9.2p1"));
        let place = |s: &Settings, keyword: &str| {
            let found = s.all.iter().find(|s| s.keyword == keyword && s.context == GLOBAL).unwrap();
            (found.value.clone(), found.source.clone(), found.line)
        };
        for keyword in ["permitrootlogin", "loglevel", "maxauthtries", "ciphers", "strictmodes", "usedns"] {
            assert_eq!(place(&asked, keyword), place(&read, keyword), "{keyword}");
        }
        assert_eq!(place(&asked, "permitrootlogin"), ("yes".into(), "/etc/ssh/sshd_config".into(), Some(4)));
        let first = "/etc/ssh/sshd_config.d/10-first.conf";
        assert_eq!(place(&asked, "loglevel"), ("VERBOSE".into(), first.into(), Some(1)));
        assert_eq!(place(&asked, "usedns"), ("no".into(), "default".into(), None));
        assert!(asked.gaps.is_empty() && asked.mistake.is_none());
    }

    #[test]
    fn match_blocks_keep_their_own_values() {
        let settings = read(&host("tricky", BTreeMap::new()), Some("9.2p1"));
        let within = |context: &str| {
            let found = settings.all.iter().filter(|s| s.context == context);
            found.map(|s| format!("{}={}", s.keyword, s.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            within("Match User backup"),
            ["forcecommand=/usr/bin/rrsync /srv", "passwordauthentication=yes", "x11forwarding=yes"]
        );
        assert_eq!(within("Match User deploy"), ["permittty=no"]);
        let group = within("Match Group sftponly Address 192.168.0.0/16");
        assert!(group.contains(&"permitrootlogin=yes".to_owned()), "{group:?}");
    }

    #[test]
    fn options_given_at_the_start_come_first() {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["etc/ssh", "etc/default"] {
            std::fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        std::fs::write(dir.path().join("etc/ssh/sshd_config"), "PermitRootLogin no\n").unwrap();
        let opts = "# comment\nSSHD_OPTS=\"-4 -oPermitRootLogin=yes -p 2222\"\n";
        std::fs::write(dir.path().join("etc/default/ssh"), opts).unwrap();
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
        let settings = read(&host, None);
        assert_eq!(settings.get("permitrootlogin"), Some("yes"));
        assert_eq!(settings.get("port"), Some("2222"));
    }

    #[test]
    fn a_mistake_in_the_files_is_told_in_the_servers_words() {
        let said = "/etc/ssh/sshd_config: line 3: Bad configuration option: PermitRotLogin\n";
        let output = Output { code: 255, stdout: String::new(), stderr: said.to_owned() };
        let settings = read(&host("stock", BTreeMap::from([("/usr/sbin/sshd -T".to_owned(), output)])), None);
        assert_eq!(settings.mistake.as_deref(), Some(said.trim()));
        let output = Output {
            code: 255,
            stderr: "Missing privilege separation directory: /run/sshd".into(),
            ..Output::default()
        };
        let settings = read(&host("stock", BTreeMap::from([("/usr/sbin/sshd -T".to_owned(), output)])), None);
        assert_eq!(settings.mistake, None);
        assert_eq!(settings.get("permitrootlogin"), Some("prohibit-password"));
    }

    #[test]
    fn defaults_follow_the_installed_version() {
        let strong = |version| defaults(Some(version)).contains("mlkem768x25519");
        assert!(strong("10.0p1") && strong("10.2p1") && !strong("9.9p1"));
        assert!(defaults(Some("7.4p1")).contains("challengeresponseauthentication"));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("99999999999999999w"), None);
    }
}
