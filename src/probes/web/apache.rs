//! Apache's configuration: sections, includes, variables, and the parts that its modules switch on.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccessLog, ApacheDirective, LogFormat, gap, too_much};
use crate::{
    facts::Facts,
    host::{Host, Kind},
    probes::servers::number,
};

const DEPTH: usize = 20;
const DIRECTIVES: usize = 50_000;
const FILES: usize = 2_000;
const WHAT: &str = "how Apache is set up";
/// Modules that are part of the program.
const BUILT_IN: [&str; 8] = ["core", "so", "http", "log_config", "logio", "unixd", "version", "watchdog"];

/// A section: `<VirtualHost *:80>`.
pub(super) struct Section {
    pub parent: usize,
    pub name: String,
    pub args: String,
    pub source: String,
    pub line: i64,
}

/// A directive in its section.
pub(super) struct Directive {
    pub section: usize,
    pub name: String,
    pub args: Vec<String>,
    pub source: String,
    pub line: i64,
}

/// The whole configuration; section 0 is the top.
pub(super) struct Config {
    pub path: String,
    pub sections: Vec<Section>,
    pub directives: Vec<Directive>,
    root: String,
    variables: BTreeMap<String, String>,
    modules: BTreeSet<String>,
    files: usize,
    /// Whether it goes on beyond what is read.
    cut: bool,
}

impl Config {
    /// The directives of that name (lower case) straight in a section.
    pub fn of<'a>(&'a self, section: usize, name: &'a str) -> impl Iterator<Item = &'a Directive> + 'a {
        self.directives.iter().filter(move |d| d.section == section && d.name == name)
    }

    /// The last directive of that name in a section, else at the top.
    pub fn value<'a>(&'a self, section: usize, name: &'a str) -> Option<&'a Directive> {
        self.of(section, name).last().or_else(|| self.of(0, name).last())
    }

    /// The nearest section of that name, from this one outwards.
    pub fn around(&self, section: usize, name: &str) -> Option<usize> {
        let mut at = section;
        for _ in 0..64 {
            let s = self.sections.get(at).filter(|_| at != 0)?;
            if s.name == name {
                return Some(at);
            }
            at = s.parent;
        }
        None
    }

    /// Whether a module is on, by `ssl_module` or `mod_ssl.c`.
    pub fn has_module(&self, name: &str) -> bool {
        let bare = name.trim_end_matches(".c").trim_start_matches("mod_").trim_end_matches("_module");
        self.modules.contains(bare) || BUILT_IN.contains(&bare)
    }

    /// A path, beneath ServerRoot unless it is absolute.
    pub fn place(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.root) }
    }

    fn context(&self, section: usize) -> String {
        let mut names: Vec<&str> = Vec::new();
        let mut at = section;
        while let Some(s) = self.sections.get(at).filter(|_| at != 0 && names.len() < 64) {
            names.push(&s.name);
            at = s.parent;
        }
        names.reverse();
        names.join("/")
    }

    /// `${NAME}` filled in from Define and envvars; unknown ones stay.
    fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            match after.split_once('}') {
                Some((name, tail)) => {
                    match self.variables.get(name) {
                        Some(value) => out.push_str(value),
                        None => out.push_str(&format!("${{{name}}}")),
                    }
                    rest = tail;
                }
                None => {
                    out.push_str("${");
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// The form of a log for which none is given.
const COMMON: &str = "%h %l %u %t \"%r\" %>s %b";

impl Config {
    /// The access logs that are files, each with its form.
    pub fn access_logs(&self) -> impl Iterator<Item = AccessLog> + '_ {
        let named = |name: &str| {
            let mut formats = self.directives.iter().rev().filter(|d| d.name == "logformat");
            formats.find_map(|d| match d.args.as_slice() {
                [format, own, ..] if own.eq_ignore_ascii_case(name) => Some(format.clone()),
                _ => None,
            })
        };
        let usual = || {
            let mut formats = self.directives.iter().rev().filter(|d| d.name == "logformat");
            let found =
                formats.find_map(|d| if let [format] = d.args.as_slice() { Some(format.clone()) } else { None });
            found.unwrap_or_else(|| COMMON.to_owned())
        };
        self.directives.iter().filter_map(move |d| {
            let format = match (d.name.as_str(), d.args.as_slice()) {
                ("customlog", [_, format, ..]) if format.contains('%') => format.clone(),
                ("customlog", [_, name, ..]) => named(name)?,
                ("transferlog", [_]) => usual(),
                _ => return None,
            };
            // Others get it through a pipe or the system's log.
            let path = d.args.first().filter(|path| !path.starts_with('|') && !path.starts_with("syslog:"))?;
            Some(AccessLog { path: self.place(path), format: LogFormat::Apache(format) })
        })
    }
}

/// Whether Apache is installed.
pub(super) fn installed(host: &Host) -> bool {
    ["/usr/sbin/apache2", "/usr/sbin/httpd"].iter().any(|p| host.exists(p))
}

/// Reads everything from the main file on.
pub(super) fn read(host: &Host, facts: &mut Facts) -> Config {
    let debian = host.exists("/etc/apache2/apache2.conf") || !host.exists("/etc/httpd/conf/httpd.conf");
    let (path, root) = if debian {
        ("/etc/apache2/apache2.conf", "/etc/apache2")
    } else {
        ("/etc/httpd/conf/httpd.conf", "/etc/httpd")
    };
    let mut variables = BTreeMap::new();
    for line in host.read_text("/etc/apache2/envvars").unwrap_or_default().lines() {
        if let Some((name, value)) = line.trim().strip_prefix("export ").and_then(|l| l.split_once('=')) {
            variables.insert(name.trim().to_owned(), value.trim_matches(['"', '\'']).replace("$SUFFIX", ""));
        }
    }
    let top = Section { parent: 0, name: String::new(), args: String::new(), source: path.to_owned(), line: 1 };
    let mut config = Config {
        path: path.to_owned(),
        sections: vec![top],
        directives: Vec::new(),
        root: root.to_owned(),
        variables,
        modules: BTreeSet::new(),
        files: 0,
        cut: false,
    };
    file(host, facts, &mut config, path, 0, 0);
    if config.cut {
        too_much::<ApacheDirective>(facts, WHAT, path);
    }
    config
}

/// Pushes the directives.
pub(super) fn push(config: &Config, facts: &mut Facts) {
    for d in &config.directives {
        facts.push(ApacheDirective {
            source: d.source.clone(),
            line: d.line,
            context: config.context(d.section),
            block: number(d.section),
            site: config.around(d.section, "VirtualHost").map(number),
            block_args: config.sections.get(d.section).map(|s| s.args.clone()).unwrap_or_default(),
            directive: d.name.clone(),
            args: d.args.join(" "),
        });
    }
}

fn file(host: &Host, facts: &mut Facts, config: &mut Config, path: &str, section: usize, depth: usize) {
    config.files += 1;
    if config.files > FILES || depth > DEPTH {
        config.cut = true;
        return;
    }
    let text = match host.read_text(path) {
        Ok(text) => text,
        Err(error) => return gap::<ApacheDirective>(facts, WHAT, path, &error),
    };
    // What is open: sections, and conditions with whether they hold.
    let mut open: Vec<(Option<usize>, bool)> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let mut logical = line.trim().to_owned();
        while logical.ends_with('\\') {
            logical.pop();
            match lines.next() {
                Some((_, next)) => logical.push_str(next.trim()),
                None => break,
            }
        }
        if logical.is_empty() || logical.starts_with('#') {
            continue;
        }
        if config.directives.len() >= DIRECTIVES || config.sections.len() >= DIRECTIVES || open.len() > 200 {
            config.cut = true;
            return;
        }
        let at = number(index + 1);
        let active = open.iter().all(|(_, holds)| *holds);
        let inner = open.iter().rev().find_map(|(s, _)| *s).unwrap_or(section);
        if logical.starts_with("</") {
            open.pop();
            continue;
        }
        if let Some(head) = logical.strip_prefix('<') {
            let head = head.trim_end().trim_end_matches('>');
            let (name, args) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
            let args = config.expand(args.trim());
            if !active {
                open.push((None, false));
                continue;
            }
            let negated = args.starts_with('!');
            let what = args.trim_start_matches('!').trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "ifmodule" => open.push((None, config.has_module(what) != negated)),
                "ifdefine" => open.push((None, config.variables.contains_key(what) != negated)),
                "iffile" => open.push((None, host.exists(what) != negated)),
                "ifversion" | "ifdirective" | "ifsection" | "requireall" | "requireany" => open.push((None, true)),
                _ => {
                    let args = words(&args).join(" ");
                    let name = canonical(name);
                    config.sections.push(Section { parent: inner, name, args, source: path.to_owned(), line: at });
                    open.push((Some(config.sections.len() - 1), true));
                }
            }
            continue;
        }
        if !active {
            continue;
        }
        let mut all = words(&config.expand(&logical)).into_iter();
        let Some(name) = all.next().map(|n| n.to_ascii_lowercase()) else { continue };
        let args: Vec<String> = all.collect();
        match (name.as_str(), args.as_slice()) {
            ("include" | "includeoptional", [pattern, ..]) => {
                for included in matching(host, config, pattern) {
                    file(host, facts, config, &included, inner, depth + 1);
                }
                continue;
            }
            ("define", [name, rest @ ..]) => {
                config.variables.insert(name.clone(), rest.join(" "));
            }
            ("undefine", [name, ..]) => {
                config.variables.remove(name);
            }
            ("serverroot", [dir, ..]) => config.root.clone_from(dir),
            ("loadmodule", [name, ..]) => {
                config.modules.insert(name.trim_end_matches("_module").to_owned());
            }
            _ => {}
        }
        config.directives.push(Directive { section: inner, name, args, source: path.to_owned(), line: at });
    }
}

/// Files of an Include: a pattern, or a folder with all that is below it.
fn matching(host: &Host, config: &Config, pattern: &str) -> Vec<String> {
    let pattern = config.place(pattern);
    let found = if pattern.contains(['*', '?', '[']) { host.glob(&pattern) } else { vec![pattern] };
    let mut files = Vec::new();
    for path in found {
        match host.metadata(&path).map(|m| m.kind) {
            Ok(Kind::Directory) => files.extend(host.list(&path).unwrap_or_default().into_iter().map(|e| e.path)),
            Err(error) if error.is_not_found() => {}
            _ => files.push(path),
        }
    }
    files
}

fn canonical(name: &str) -> String {
    let known = [
        "VirtualHost",
        "Directory",
        "DirectoryMatch",
        "Location",
        "LocationMatch",
        "Files",
        "FilesMatch",
        "Proxy",
        "Limit",
        "LimitExcept",
    ];
    known.iter().find(|k| k.eq_ignore_ascii_case(name)).map_or_else(|| name.to_owned(), |k| (*k).to_owned())
}

/// Words, with quotes taken off.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(&first) = chars.peek() else { return out };
        let mut word = String::new();
        if first == '"' || first == '\'' {
            chars.next();
            while let Some(c) = chars.next() {
                match c {
                    '\\' if chars.peek() == Some(&first) => word.extend(chars.next()),
                    c if c == first => break,
                    c => word.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
        }
        out.push(word);
    }
}
