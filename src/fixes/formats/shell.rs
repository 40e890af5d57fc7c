//! `/etc/default/*`: assignments that a shell reads, the last one counts. Source: sh(1), "Shell Grammar" and "Quoting";
//! only what the file says is read, so a value with `$` or a command in it is known to nobody before it runs.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, bad_value, eol, statement},
};

/// The mark of an assignment that may not happen: in a branch, a function, after `&&`.
const PERHAPS: &str = "perhaps";

/// The format.
pub(super) struct Shell;

impl Syntax for Shell {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        Reader { text, at: 0, open: Vec::new() }.read()
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        super::lines::check_key(edit.key, "_")?;
        if edit.key.starts_with(|c: char| c.is_ascii_digit()) {
            return bad_key(edit.key, "a name of the shell begins with a letter");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        setting.name == key
    }

    fn in_force(&self, hits: &[&Setting], _: &str) -> Option<String> {
        hits.last().filter(|last| last.section != PERHAPS).and_then(|last| last.value.clone())
    }

    fn written(&self, text: &str, old: &Setting, _: &str, value: &str) -> Result<String, EditError> {
        Ok(quoted(value, text[old.raw.clone()].chars().next()))
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let value = quoted(edit.value.unwrap_or_default(), Some('"'));
        Ok((text.len(), format!("{}={value}{}", edit.key, eol(text))))
    }

    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let settings = self.settings(text)?;
        let hits = self.hits(&settings, edit.section, edit.key);
        let Some(value) = edit.value else {
            if hits.iter().any(|hit| hit.section == PERHAPS) {
                return bad_key(edit.key, "it is set under a condition");
            }
            return Ok(super::lines::without(text, &hits));
        };
        match hits.last() {
            Some(last) if last.section != PERHAPS && last.value.as_deref() == Some(value) => Ok(text.to_owned()),
            Some(last) if last.section != PERHAPS => {
                let new = self.written(text, last, edit.key, value)?;
                Ok(super::lines::spliced(text, &[(last.raw.clone(), &new)]))
            }
            _ => {
                let (at, new) = self.insertion(text, &settings, edit)?;
                Ok(super::lines::inserted(text, at, &new))
            }
        }
    }
}

/// The value written so that the shell reads exactly it; in the style of the old one where that is enough.
fn quoted(value: &str, old: Option<char>) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_./,@%+=-".contains(c);
    if !matches!(old, Some('"' | '\'') | None) && !value.is_empty() && value.chars().all(bare) {
        value.to_owned()
    } else if old != Some('\'') && !value.contains(['$', '`', '"', '\\', '!']) {
        format!("\"{value}\"")
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

/// A word of the shell.
struct Word {
    range: Range<usize>,
    /// Its value, none when it holds an expansion.
    value: Option<String>,
}

/// What ends a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// A line break, `;` or the end of the file.
    Plain,
    /// `&&`, `||`: what follows depends on what was before.
    Then,
    /// `|`, `&`: what was before runs in a shell of its own.
    Apart,
    /// `(` or `)`.
    Bracket,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// What is open: `if`, `case`, `do`, `{`, `(`.
    open: Vec<char>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Vec<Setting>, EditError> {
        let (mut out, mut depends) = (Vec::new(), false);
        loop {
            let (words, end, end_at) = self.command()?;
            let perhaps = depends || !self.open.is_empty() || end == End::Apart;
            let begins = self.settings_of(&words, &mut out, perhaps, end_at)?;
            // A line break after `&&` ends nothing.
            depends = match end {
                End::Then | End::Apart => true,
                End::Plain => depends && !begins,
                End::Bracket => false,
            };
            if self.at >= self.text.len() && end != End::Bracket {
                if depends && !begins || matches!(end, End::Then) || !self.open.is_empty() {
                    return bad(self.text, self.text.len(), "something is begun and not ended");
                }
                return Ok(out);
            }
        }
    }

    /// The assignments of one command; whether there was a command.
    fn settings_of(
        &mut self,
        words: &[Word],
        out: &mut Vec<Setting>,
        perhaps: bool,
        end_at: usize,
    ) -> Result<bool, EditError> {
        let text = self.text;
        let mut rest = words.iter().peekable();
        let mut perhaps = perhaps;
        // Words that open and close branches stand where a command begins.
        while let Some(word) = rest.peek() {
            let word = &text[word.range.clone()];
            let (opens, closes) = match word {
                "if" => ('i', None),
                "case" => ('c', None),
                "while" | "until" | "for" | "select" => ('d', None),
                "{" => ('{', None),
                "fi" => (' ', Some('i')),
                "esac" => (' ', Some('c')),
                "done" => (' ', Some('d')),
                "}" => (' ', Some('{')),
                "then" | "else" | "elif" | "do" | "!" | "time" => (' ', None),
                _ => break,
            };
            rest.next();
            if opens != ' ' {
                self.open.push(opens);
                perhaps = true;
            }
            if closes.is_some() && self.open.pop() != closes {
                return bad(text, words.first().map_or(0, |word| word.range.start), "a branch ends that was not begun");
            }
            if matches!(opens, 'c') || matches!(word, "for" | "select") {
                return Ok(true);
            }
        }
        let command: Vec<&Word> = rest.collect();
        let Some(first) = command.first() else { return Ok(!words.is_empty()) };
        let head = &text[first.range.clone()];
        if matches!(head, "exit" | "return" | "exec") && !self.open.contains(&'{') {
            return bad(text, first.range.start, "the shell may stop reading here");
        }
        if matches!(head, "unset" | "declare" | "typeset" | "eval" | "local" | "read" | "alias") {
            return bad(text, first.range.start, "a command changes settings in a way that is not understood");
        }
        let exported = matches!(head, "export" | "readonly");
        let assigned = &command[usize::from(exported)..];
        let of = |word: &&Word| name_of(&text[word.range.clone()]);
        if !exported && !assigned.iter().all(|word| of(word).is_some()) {
            // `NAME=value command` sets NAME for that command only.
            return Ok(true);
        }
        let alone = command.len() == 1 + usize::from(exported);
        for word in assigned {
            let Some((name, appends)) = of(word) else { continue };
            let raw = (word.range.start + name.len() + 1 + usize::from(appends))..word.range.end;
            let prefix = text[word.range.start..raw.start].len();
            let value = word.value.as_ref().filter(|_| !appends).and_then(|value| value.get(prefix..));
            let range = if alone { first.range.start..end_at.max(word.range.end) } else { word.range.clone() };
            out.push(Setting {
                // What is appended to (`+=`) is not known here either.
                section: if perhaps || appends { PERHAPS } else { "" }.to_owned(),
                name: name.to_owned(),
                value: value.map(ToOwned::to_owned),
                whole: statement(text, range),
                raw,
                kept: String::new(),
            });
        }
        Ok(true)
    }

    /// The words up to the end of a command, what ended it, and where a `;` that ended it ends.
    fn command(&mut self) -> Result<(Vec<Word>, End, usize), EditError> {
        let mut words = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else { return Ok((words, End::Plain, 0)) };
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if rest.starts_with("\\\n") || rest.starts_with("\\\r\n") => {
                    self.at += rest.find('\n').map_or(rest.len(), |at| at + 1);
                    if self.at >= self.text.len() {
                        return bad(self.text, self.at, "the last line ends with a backslash");
                    }
                }
                '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
                '\n' => {
                    self.at += 1;
                    return Ok((words, End::Plain, 0));
                }
                ';' => {
                    self.at += 1;
                    return Ok((words, End::Plain, self.at));
                }
                '&' | '|' => {
                    let twice = rest.starts_with("&&") || rest.starts_with("||");
                    self.at += 1 + usize::from(twice);
                    return Ok((words, if twice { End::Then } else { End::Apart }, 0));
                }
                '(' => {
                    if words
                        .last()
                        .is_some_and(|word: &Word| word.range.end == self.at && self.text[..self.at].ends_with('='))
                    {
                        return bad(self.text, self.at, "there is a list, which only some shells read");
                    }
                    self.open.push('(');
                    self.at += 1;
                    return Ok((words, End::Bracket, 0));
                }
                ')' => {
                    let begins_case = words.first().is_some_and(|word: &Word| &self.text[word.range.clone()] == "case");
                    match self.open.last() {
                        // The first pattern of a `case`; later ones are dropped below.
                        _ if begins_case => {}
                        // The command before it still stands in the bracket.
                        Some('(') if !words.is_empty() => return Ok((words, End::Plain, 0)),
                        Some('(') => drop(self.open.pop()),
                        Some('c') => words.clear(),
                        _ => return bad(self.text, self.at, "a bracket is closed that was not opened"),
                    }
                    self.at += 1;
                    return Ok((words, End::Bracket, 0));
                }
                '<' | '>' => {
                    if rest.starts_with("<<") {
                        return bad(self.text, self.at, "there is a text in the text (<<), which is not understood");
                    }
                    self.at += 1;
                    if rest[1..].starts_with(['&', '|', '>']) {
                        self.at += 1;
                    }
                }
                _ => words.push(self.word()?),
            }
        }
    }

    fn word(&mut self) -> Result<Word, EditError> {
        let start = self.at;
        let mut value = Some(String::new());
        let add = |value: &mut Option<String>, c: char| value.iter_mut().for_each(|value| value.push(c));
        let mut quote = false;
        while let Some(c) = self.text[self.at..].chars().next() {
            let next = self.text[self.at + c.len_utf8()..].chars().next();
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' if !quote => break,
                '\r' if !quote && next == Some('\n') => break,
                '"' => {
                    quote = !quote;
                    self.at += 1;
                    continue;
                }
                '\'' if !quote => {
                    let Some(long) = self.text[self.at + 1..].find('\'') else {
                        return bad(self.text, self.at, "a quote is not closed");
                    };
                    self.text[self.at + 1..self.at + 1 + long].chars().for_each(|c| add(&mut value, c));
                    self.at += long + 2;
                    continue;
                }
                '\\' => match next {
                    None => return bad(self.text, self.at, "the last line ends with a backslash"),
                    Some('\r') => self.at += 1,
                    Some('\n') => {}
                    Some(next) if !quote || "$`\"\\".contains(next) => {
                        add(&mut value, next);
                        self.at += next.len_utf8() - 1;
                    }
                    Some(next) => {
                        add(&mut value, '\\');
                        add(&mut value, next);
                        self.at += next.len_utf8() - 1;
                    }
                },
                '$' if next.is_some_and(|c| c.is_ascii_alphanumeric() || "_{(@*#?$!'-".contains(c)) => {
                    value = None;
                    match next {
                        Some('(') => self.bracket('(', ')')?,
                        Some('{') => self.bracket('{', '}')?,
                        _ => {}
                    }
                }
                '`' => {
                    value = None;
                    let inner = &self.text[self.at + 1..];
                    let mut escaped = false;
                    let close = inner.find(|c| {
                        let found = c == '`' && !escaped;
                        escaped = c == '\\' && !escaped;
                        found
                    });
                    let Some(long) = close else { return bad(self.text, self.at, "a ` is not closed") };
                    self.at += long + 1;
                }
                // `~` at the start of a value is a home.
                '~' if !quote && self.text[..self.at].ends_with(['=', ':']) => value = None,
                c => add(&mut value, c),
            }
            self.at += if c == '\\' { 2 } else { c.len_utf8() };
        }
        if quote {
            return bad(self.text, start, "a quote is not closed");
        }
        Ok(Word { range: start..self.at, value })
    }

    /// From `$` to before the bracket that closes the one after it.
    fn bracket(&mut self, open: char, close: char) -> Result<(), EditError> {
        let (mut depth, mut quote, mut escaped) = (0_u32, None, false);
        for (at, c) in self.text[self.at..].char_indices().skip(1) {
            match (c, quote) {
                _ if escaped => escaped = false,
                ('\\', None | Some('"')) => escaped = true,
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) => quote = (c != open).then_some(open),
                (c, None) if c == open => depth += 1,
                (c, None) if c == close => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += at;
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        bad(self.text, self.at, "a bracket is not closed")
    }
}

/// The name that a word assigns to, and whether it appends (`+=`).
fn name_of(word: &str) -> Option<(&str, bool)> {
    let name = word.split_once('=')?.0;
    let (name, appends) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let good = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then_some((name, appends))
}

/// Refuses a value that stands in one string with others and must not leave it.
pub(super) fn check_word(key: &str, value: &str) -> Result<(), EditError> {
    if value.contains([' ', '\t', '"', '\'', '\\', '`', '$']) {
        return bad_value(key, "it has blanks, quotes or signs of the shell");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Shell;
    const SSH: &str = include_str!("fixtures/default-ssh");
    const REDIS: &str = include_str!("fixtures/redis-server");

    #[test]
    fn the_files_of_debian() {
        assert_eq!(set(F, SSH, None, "SSHD_OPTS", Some("-4")), SSH.replace("SSHD_OPTS=", "SSHD_OPTS=\"-4\""));
        assert_eq!(set(F, REDIS, None, "ULIMIT", Some("1")), REDIS.replace("=65536", "=1"));
        for text in [SSH, REDIS, include_str!("fixtures/grub")] {
            laws(F, text, None, "SSHD_OPTS", "-o \"x y\" $HOME `id` it's \\");
            hostile(F, text, None, "ULIMIT");
        }
    }

    #[test]
    fn the_value_is_what_the_shell_reads() {
        let get = |text: &str| F.get(text, None, "A");
        assert_eq!(get("A=1\nexport A='x y'\"z\"\\ w # c\n").as_deref(), Some("x yz w"));
        assert_eq!(get("A=\"a\\\"b\\\\ \\c\"\n").as_deref(), Some("a\"b\\ \\c"));
        assert_eq!(get("A=\"a\\\n  b\"").as_deref(), Some("a  b"));
        assert_eq!(get("A=1; B=2\nB=3 A=4").as_deref(), Some("4"));
        assert_eq!(get("A=1 command\n"), None);
        for unknown in
            ["A=$B", "A=\"`id`\"", "A=$(echo ')')", "A=1\nif x; then A=2; fi", "[ -f x ] && A=1", "A=1\nA+=2", "A=~"]
        {
            assert_eq!(get(unknown), None, "{unknown}");
            let new = set(F, unknown, None, "A", Some("it's $1"));
            assert_eq!(get(&new).as_deref(), Some("it's $1"), "{new}");
        }
        assert_eq!(get("case x in a) A=1;; esac\nf() { A=2; }\nA=3\n").as_deref(), Some("3"));
    }

    #[test]
    fn removal() {
        assert_eq!(set(F, "A=1; B=2\n", None, "A", None), "B=2\n");
        assert_eq!(set(F, "B=2; A=1 # x\n", None, "A", None), "B=2; # x\n");
        assert_eq!(set(F, "export A=1\nB=2", None, "A", None), "B=2");
        assert_eq!(set(F, "export A=1 B=2", None, "A", None), "export B=2");
        refused(F, "if x; then A=2; fi", None, "A", None);
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "A='x\n",
            "A=\"x\n",
            "A=`x\n",
            "A=$(x\n",
            "if x\n",
            "cat <<E\nA=1\nE\n",
            "fi\n",
            "A=(1 2)\n",
            "exit 0\n",
            "true &&\n",
            "A=1 \\\n",
        ] {
            refused(F, text, None, "B", Some("1"));
        }
        for key in ["1A", "A B", "A-B", "A=", "A;B"] {
            refused(F, "", None, key, Some("1"));
        }
    }

    /// The shell itself is asked about written values.
    #[test]
    fn a_real_shell_agrees() -> Result<(), std::io::Error> {
        for value in ["a b", "it's", "$HOME `id` $(id)", "\\", "\"", "a\\\"b!", "", "~", "#x", "é", "a;b&c|d", "*?[x]"]
        {
            for old in ["", "A=1", "A='1'", "A=\"1\""] {
                let script = format!("{}\nprintf %s \"$A\"", set(F, old, None, "A", Some(value)));
                let said = std::process::Command::new("/bin/sh").arg("-c").arg(script).output()?;
                assert_eq!(String::from_utf8_lossy(&said.stdout), value);
            }
        }
        Ok(())
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "# it's",
            "",
            "A=1",
            "export B='x y'",
            "A=\"x\ny\" # c",
            "B=$HOME",
            "C=`id \"x\"`; A=2",
            "  A=3 B=4",
            "true && true",
            "if [ -f /x ]; then\n  C=1\nfi",
            "D=a\\\nb",
            "X=1 env",
            ". /etc/other",
        ];
        Trial { format: F, pieces, must: "", section: None, keys: &["A", "B", "D", "NEW_1"], values: "[ -~é]{0,12}" }
            .run();
    }
}
