//! nginx's configuration: its words, blocks and includes, as `nginx -T` sees them.

use super::{AccessLog, LogFormat, NginxDirective, gap, too_much};
use crate::{
    facts::Facts,
    host::Host,
    probes::servers::{beside, number},
};

const DEPTH: usize = 20;
const DIRECTIVES: usize = 50_000;
const FILES: usize = 2_000;
const WHAT: &str = "how nginx is set up";

/// A block: `server { … }`.
pub(super) struct Block {
    pub parent: usize,
    pub name: String,
    pub args: Vec<String>,
    pub source: String,
    pub line: i64,
}

/// A directive in its block.
pub(super) struct Directive {
    pub block: usize,
    pub name: String,
    pub args: Vec<String>,
    pub source: String,
    pub line: i64,
}

/// The whole configuration; block 0 is the top.
pub(super) struct Config {
    pub path: String,
    pub blocks: Vec<Block>,
    pub directives: Vec<Directive>,
    files: usize,
    /// Whether it goes on beyond what is read.
    cut: bool,
}

impl Config {
    /// The directives of that name straight in a block.
    pub fn of<'a>(&'a self, block: usize, name: &'a str) -> impl Iterator<Item = &'a Directive> + 'a {
        self.directives.iter().filter(move |d| d.block == block && d.name == name)
    }

    /// Directives of that name in a block, or else in the nearest block around it that has any: how nginx inherits.
    pub fn inherited<'a>(&'a self, block: usize, name: &'a str) -> Vec<&'a Directive> {
        let mut at = block;
        for _ in 0..64 {
            let found: Vec<_> = self.of(at, name).collect();
            if !found.is_empty() || at == 0 {
                return found;
            }
            at = self.blocks.get(at).map_or(0, |b| b.parent);
        }
        Vec::new()
    }

    /// Names of the blocks around, outermost first.
    fn context(&self, block: usize) -> String {
        let mut names: Vec<&str> = Vec::new();
        let mut at = block;
        while let Some(b) = self.blocks.get(at).filter(|_| at != 0 && names.len() < 64) {
            names.push(&b.name);
            at = b.parent;
        }
        names.reverse();
        names.join("/")
    }

    /// The nearest block of that name, from this one outwards.
    pub fn around(&self, block: usize, name: &str) -> Option<usize> {
        let mut at = block;
        for _ in 0..64 {
            let b = self.blocks.get(at)?;
            if b.name == name {
                return Some(at);
            }
            if at == 0 {
                return None;
            }
            at = b.parent;
        }
        None
    }
}

/// The form that is always there.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
                        \"$http_referer\" \"$http_user_agent\"";

impl Config {
    /// The access logs that are files, each with its form.
    pub fn access_logs(&self) -> impl Iterator<Item = AccessLog> + '_ {
        let format = |name: &str| {
            let declared =
                self.directives.iter().find(|d| d.name == "log_format" && d.args.first().is_some_and(|n| n == name));
            let texts = declared.map(|d| d.args.iter().skip(1).filter(|arg| !arg.starts_with("escape=")));
            match texts {
                Some(texts) => Some(texts.map(String::as_str).collect::<String>()),
                None => (name == "combined").then(|| COMBINED.to_owned()),
            }
        };
        self.directives.iter().filter(|d| d.name == "access_log").filter_map(move |d| {
            let [path, rest @ ..] = d.args.as_slice() else { return None };
            // With a variable in its name it is many files; a packed one cannot be read line by line.
            if !path.starts_with('/') || path.contains('$') || rest.iter().any(|arg| arg.starts_with("gzip")) {
                return None;
            }
            let name = rest.first().filter(|arg| !arg.contains('=')).map_or("combined", String::as_str);
            Some(AccessLog { path: path.clone(), format: LogFormat::Nginx(format(name)?) })
        })
    }
}

/// Whether nginx is installed.
pub(super) fn installed(host: &Host) -> bool {
    ["/usr/sbin/nginx", "/usr/local/nginx/sbin/nginx", "/usr/local/sbin/nginx"].iter().any(|p| host.exists(p))
}

/// Reads everything from nginx.conf on.
pub(super) fn read(host: &Host, facts: &mut Facts) -> Config {
    let places = ["/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/usr/local/etc/nginx/nginx.conf"];
    let path = places.iter().find(|p| host.exists(p)).unwrap_or(&"/etc/nginx/nginx.conf");
    let top = Block { parent: 0, name: String::new(), args: Vec::new(), source: (*path).to_owned(), line: 1 };
    let mut config =
        Config { path: (*path).to_owned(), blocks: vec![top], directives: Vec::new(), files: 0, cut: false };
    file(host, facts, &mut config, path, 0, 0);
    if config.cut {
        too_much::<NginxDirective>(facts, WHAT, path);
    }
    config
}

/// Pushes the directives.
pub(super) fn push(config: &Config, facts: &mut Facts) {
    for d in &config.directives {
        facts.push(NginxDirective {
            source: d.source.clone(),
            line: d.line,
            context: config.context(d.block),
            block: number(d.block),
            server: config.around(d.block, "server").map(number),
            block_args: config.blocks.get(d.block).map(|b| b.args.join(" ")).unwrap_or_default(),
            directive: d.name.clone(),
            args: d.args.join(" "),
        });
    }
}

fn file(host: &Host, facts: &mut Facts, config: &mut Config, path: &str, mut block: usize, depth: usize) {
    let outer = block;
    config.files += 1;
    if config.files > FILES || depth > DEPTH {
        config.cut = true;
        return;
    }
    let text = match host.read_text(path) {
        Ok(text) => text,
        Err(error) => return gap::<NginxDirective>(facts, WHAT, path, &error),
    };
    let main = config.path.clone();
    let mut words: Vec<String> = Vec::new();
    let mut begun = 0;
    let mut lexer = Lexer { chars: text.chars().peekable(), line: 1 };
    while let Some((token, line)) = lexer.next() {
        if config.directives.len() >= DIRECTIVES || config.blocks.len() >= DIRECTIVES {
            config.cut = true;
            return;
        }
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    begun = line;
                }
                words.push(word);
            }
            Token::End => {
                let args = words.split_off(words.len().min(1));
                let Some(name) = words.pop() else { continue };
                match (name.as_str(), args.first()) {
                    ("include", Some(pattern)) => {
                        // Relative to the folder of nginx.conf, whichever file it stands in.
                        let pattern = beside(&main, pattern);
                        let wild = pattern.contains(['*', '?', '[']);
                        let found = if wild { host.glob(&pattern) } else { vec![pattern] };
                        for included in found {
                            file(host, facts, config, &included, block, depth + 1);
                        }
                    }
                    _ => config.directives.push(Directive {
                        block,
                        name,
                        args,
                        source: path.to_owned(),
                        line: number(begun),
                    }),
                }
            }
            Token::Open => {
                let args = words.split_off(words.len().min(1));
                let name = words.pop().unwrap_or_default();
                if name.ends_with("_by_lua_block") {
                    lexer.skip_code();
                    continue;
                }
                let line = number(if begun == 0 { line } else { begun });
                config.blocks.push(Block { parent: block, name, args, source: path.to_owned(), line });
                block = config.blocks.len() - 1;
            }
            Token::Close => {
                words.clear();
                if block != outer {
                    block = config.blocks.get(block).map_or(0, |b| b.parent);
                }
            }
        }
    }
}

enum Token {
    Word(String),
    End,
    Open,
    Close,
}

struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl Lexer<'_> {
    fn bump(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn next(&mut self) -> Option<(Token, usize)> {
        loop {
            match self.chars.peek()? {
                c if c.is_whitespace() => {
                    self.bump();
                }
                '#' => while self.bump().is_some_and(|c| c != '\n') {},
                _ => break,
            }
        }
        let line = self.line;
        let mut word = String::new();
        match self.bump()? {
            ';' => return Some((Token::End, line)),
            '{' => return Some((Token::Open, line)),
            '}' => return Some((Token::Close, line)),
            quote @ ('"' | '\'') => {
                while let Some(c) = self.bump() {
                    match c {
                        '\\' => match self.bump() {
                            Some(next @ ('"' | '\'' | '\\')) => word.push(next),
                            Some(next) => word.extend(['\\', next]),
                            None => break,
                        },
                        c if c == quote => break,
                        c => word.push(c),
                    }
                }
                return Some((Token::Word(word), line));
            }
            c => word.push(c),
        }
        let mut last = word.chars().last();
        if last == Some('\\') {
            word.extend(self.bump());
        }
        while let Some(&c) = self.chars.peek() {
            match c {
                // ${name} is part of a word.
                '{' if last == Some('$') => {
                    while let Some(c) = self.bump() {
                        word.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                    last = Some('}');
                    continue;
                }
                ';' | '{' => break,
                c if c.is_whitespace() => break,
                '\\' => {
                    word.extend(self.bump());
                    word.extend(self.bump());
                }
                _ => word.extend(self.bump()),
            }
            last = Some(c);
        }
        Some((Token::Word(word), line))
    }

    /// Passes over Lua until the brace that closes the block.
    fn skip_code(&mut self) {
        let mut depth = 1_usize;
        while let Some(c) = self.bump() {
            match c {
                '{' => depth += 1,
                '}' => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                '-' if self.chars.peek() == Some(&'-') => while self.bump().is_some_and(|c| c != '\n') {},
                quote @ ('"' | '\'') => {
                    while let Some(c) = self.bump() {
                        match c {
                            '\\' => {
                                self.bump();
                            }
                            c if c == quote || c == '\n' => break,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
}
