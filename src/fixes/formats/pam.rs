//! `/etc/pam.d/*`: lines of type, control, module and arguments, run in their order, and `[success=1]` skips lines.
//! Source: pam.conf(5) and `_pam_assemble_line`: `#` ends a line anywhere, a backslash at the end goes on.
//!
//! Keys: `pam_x.so` is the one line of the module, `pam_x.so argument` the one with that argument, and
//! `pam_x.so:option` one option on all lines of the module. A new line goes in front of the first line that decides
//! (`pam_unix.so`, a jump, an include), for `session` at the end.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, bad_section, bad_value, check_key, eol, lines, one_space},
};

/// The format.
pub(super) struct Pam;

impl Syntax for Pam {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        Ok(rules(text)?.into_iter().map(|rule| rule.setting(text)).collect())
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        if !matches!(edit.section, Some("auth" | "account" | "password" | "session")) {
            return bad_section(edit.section.unwrap_or_default(), "it is none of auth, account, password and session");
        }
        let key = Key::of(edit.key);
        check_key(key.module, "_-.")?;
        if !key.module.ends_with(".so") {
            return bad_key(edit.key, "it is no module such as pam_unix.so");
        }
        key.arguments.iter().chain(key.option.iter()).try_for_each(|word| check_key(word, "_-.=/"))?;
        let Some(value) = edit.value else { return Ok(()) };
        if value.contains(['#', '\\']) {
            return bad_value(edit.key, "it has a # or a backslash");
        }
        let Some(words) = words(value, 0..value.len()) else {
            return bad_value(edit.key, "a [ is not closed");
        };
        if key.option.is_some() {
            return if value.contains([' ', '\t', '[', ']']) {
                bad_value(edit.key, "it is more than one word")
            } else {
                Ok(())
            };
        }
        let control = words.first().map_or("", |word| &value[word.clone()]);
        let simple = ["required", "requisite", "sufficient", "optional"].contains(&control);
        let actions = control.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let action = |action: &str| action.split_once('=').is_some_and(|(on, what)| !on.is_empty() && !what.is_empty());
        if !simple && !actions.is_some_and(|inner| !inner.is_empty() && one_space(inner).split(' ').all(action))
            || one_space(value) != value
        {
            return bad_value(edit.key, "it is not a control and arguments with one space between");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        let key = Key::of(key);
        let have = setting.value.as_deref().unwrap_or_default();
        let words = words(have, 0..have.len()).unwrap_or_default();
        let has = |argument: &&str| words.iter().skip(1).any(|word| &have[word.clone()] == *argument);
        Some(setting.section.as_str()) == section && setting.name == key.module && key.arguments.iter().all(has)
    }

    fn insertion(&self, _: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        bad_key(edit.key, "there is no such line")
    }

    fn get(&self, text: &str, section: Option<&str>, key: &str) -> Result<Option<String>, EditError> {
        let settings = self.settings(text)?;
        let hits = self.hits(&settings, section, key);
        let value = |hit: &&Setting| hit.value.clone();
        Ok(match Key::of(key).option {
            None => hits.first().and_then(value),
            Some(option) => hits.iter().filter_map(value).find_map(|value| option_in(&value, option)),
        })
    }

    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let rules = rules(text)?;
        let mine: Vec<&Rule> =
            rules.iter().filter(|rule| self.is(&rule.setting(text), edit.section, edit.key)).collect();
        let mut parts: Vec<(Range<usize>, String)> = Vec::new();
        match (Key::of(edit.key).option, edit.value) {
            (Some(option), value) => {
                if mine.is_empty() && value.is_some() {
                    return bad_key(edit.key, "there is no line of this module");
                }
                mine.iter().for_each(|rule| rule.with_option(text, option, value, &mut parts));
            }
            (None, None) => {
                for rule in mine {
                    may_go(&rules, rule, edit)?;
                    parts.push((rule.whole.clone(), String::new()));
                }
            }
            (None, Some(value)) => match mine.as_slice() {
                [] => return insert(text, &rules, edit, value),
                [one] if one.setting(text).value.as_deref() == Some(value) => {}
                [one] => parts.push((one.control.start..one.end(), one.written(text, value))),
                _ => return bad_key(edit.key, "the module stands more than once; name it with an argument"),
            },
        }
        let parts: Vec<(Range<usize>, &str)> = parts.iter().map(|(range, new)| (range.clone(), new.as_str())).collect();
        Ok(super::lines::spliced(text, &parts))
    }
}

/// A key in its parts.
struct Key<'a> {
    module: &'a str,
    /// Arguments that tell the line from others of the module.
    arguments: Vec<&'a str>,
    option: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn of(key: &'a str) -> Self {
        let (line, option) = key.split_once(':').map_or((key, None), |(line, option)| (line, Some(option)));
        let mut words = line.split(' ');
        Key { module: words.next().unwrap_or_default(), arguments: words.collect(), option }
    }
}

/// One line, or `@include`, which stands for lines of all types.
struct Rule {
    /// Type, without `-`; empty for `@include`.
    kind: String,
    control: Range<usize>,
    module: Range<usize>,
    arguments: Vec<Range<usize>>,
    whole: Range<usize>,
    /// The longest jump in the control.
    jump: usize,
}

impl Rule {
    fn setting(&self, text: &str) -> Setting {
        let module = &text[self.module.clone()];
        let words = std::iter::once(&self.control).chain(&self.arguments).map(|word| one_space(&text[word.clone()]));
        Setting {
            section: self.kind.clone(),
            name: module.rsplit('/').next().unwrap_or(module).to_owned(),
            value: Some(words.collect::<Vec<_>>().join(" ")),
            whole: self.whole.clone(),
            raw: self.control.start..self.end(),
            kept: String::new(),
        }
    }

    fn end(&self) -> usize {
        self.arguments.last().unwrap_or(&self.module).end
    }

    /// Control, module and arguments; the columns stay where they are.
    fn written(&self, text: &str, value: &str) -> String {
        let control = words(value, 0..value.len()).and_then(|words| words.first().cloned()).unwrap_or(0..value.len());
        let arguments = value[control.end..].trim_start_matches(' ');
        let gap = self.arguments.first().map_or(" ", |first| &text[self.module.end..first.start]);
        let module = &text[self.control.end..self.module.end];
        let gap = if arguments.is_empty() { "" } else { gap };
        format!("{}{module}{gap}{arguments}", &value[control])
    }

    /// The changes that give this line the option, or take it away.
    fn with_option(&self, text: &str, option: &str, value: Option<&str>, parts: &mut Vec<(Range<usize>, String)>) {
        let mine: Vec<usize> = (0..self.arguments.len())
            .filter(|at| self.arguments.get(*at).is_some_and(|word| name(&text[word.clone()]) == option))
            .collect();
        let new = value.map(|value| if value.is_empty() { option.to_owned() } else { format!("{option}={value}") });
        let Some(new) = new else {
            for at in mine {
                let before = at.checked_sub(1).and_then(|at| self.arguments.get(at)).unwrap_or(&self.module).end;
                parts.push((before..self.arguments.get(at).map_or(before, |word| word.end), String::new()));
            }
            return;
        };
        match mine.as_slice() {
            [] => parts.push((self.end()..self.end(), format!(" {new}"))),
            all => parts.extend(
                all.iter()
                    .filter_map(|at| self.arguments.get(*at))
                    .filter(|word| text[(*word).clone()] != new)
                    .map(|word| (word.clone(), new.clone())),
            ),
        }
    }
}

fn name(argument: &str) -> &str {
    argument.split('=').next().unwrap_or_default()
}

fn option_in(value: &str, option: &str) -> Option<String> {
    let words = words(value, 0..value.len())?;
    let last = words.iter().skip(1).map(|word| &value[word.clone()]).rfind(|word| name(word) == option)?;
    Some(last.split_once('=').map_or("", |(_, value)| value).to_owned())
}

fn rules(text: &str) -> Result<Vec<Rule>, EditError> {
    let mut out = Vec::new();
    let mut rest = lines(text).into_iter();
    while let Some(first) = rest.next() {
        let cut = |line: &str| line.find('#').unwrap_or(line.len());
        let mut last = first;
        let (mut words, mut end) = (Vec::new(), first.start);
        loop {
            let line = &last.body[..cut(last.body)];
            let body = line.trim_end_matches([' ', '\t']);
            let more = body.ends_with('\\') && line.len() == last.body.len();
            let stop = last.start + body.len() - usize::from(more);
            match self::words(text, last.start..stop) {
                Some(mut here) => words.append(&mut here),
                None => return bad(text, last.start, "a [ is not closed, or a bracket goes over the end of a line"),
            }
            end = end.max(last.end);
            if !more {
                break;
            }
            match rest.next() {
                Some(next) if next.trimmed().is_empty() || next.trimmed().starts_with('#') => {
                    return bad(text, next.start, "a comment stands within a line");
                }
                Some(next) => last = next,
                None => return bad(text, first.start, "the last line ends with a backslash"),
            }
        }
        let whole = first.start..end;
        let word = |at: usize| words.get(at).cloned().unwrap_or(0..0);
        let head = text[word(0)].to_ascii_lowercase();
        let kind = head.strip_prefix('-').unwrap_or(&head);
        match (kind, words.len()) {
            ("", 0) => {}
            ("@include", 2) => out.push(Rule {
                kind: String::new(),
                control: word(0),
                module: word(1),
                arguments: Vec::new(),
                whole,
                jump: 0,
            }),
            ("auth" | "account" | "password" | "session", 3..) => out.push(Rule {
                kind: kind.to_owned(),
                control: word(1),
                module: word(2),
                jump: jump(&text[word(1)]),
                arguments: words.split_off(3),
                whole,
            }),
            _ => return bad(text, first.start, "the line is no type, control and module"),
        }
    }
    Ok(out)
}

/// Words between blanks; `[` and `]` hold words together. None when they are not balanced.
fn words(text: &str, range: Range<usize>) -> Option<Vec<Range<usize>>> {
    let (mut out, mut start, mut inside, mut escaped) = (Vec::new(), None, false, false);
    for (at, c) in text.get(range.clone())?.char_indices() {
        let at = range.start + at;
        match (c, start) {
            (' ' | '\t', Some(from)) if !inside => {
                out.push(from..at);
                start = None;
            }
            (' ' | '\t', _) => {}
            (c, None) => {
                start = Some(at);
                inside = c == '[';
            }
            (']', Some(_)) if inside && !escaped => inside = false,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    out.extend(start.map(|from| from..range.end));
    (!inside).then_some(out)
}

/// The longest jump of a control such as `[success=2 default=ignore]`.
fn jump(control: &str) -> usize {
    let actions = control.trim_matches(['[', ']']).split([' ', '\t']);
    actions.filter_map(|action| action.split_once('=')?.1.parse().ok()).max().unwrap_or(0)
}

/// The lines of one type with the includes, whose lines nobody can count here.
fn stack<'a>(rules: &'a [Rule], kind: &str) -> Vec<&'a Rule> {
    rules.iter().filter(|rule| rule.kind == kind || rule.kind.is_empty()).collect()
}

/// Refuses the removal of a line that jumps or is jumped over.
fn may_go(rules: &[Rule], gone: &Rule, edit: &Edit<'_>) -> Result<(), EditError> {
    let stack = stack(rules, &gone.kind);
    let at = stack.iter().position(|rule| rule.whole == gone.whole).unwrap_or(0);
    let jumped = stack.iter().take(at).enumerate().any(|(from, rule)| from + rule.jump >= at);
    if jumped || gone.jump > 0 {
        return bad_key(edit.key, "a jump such as [success=1] would then lead to another line");
    }
    Ok(())
}

fn insert(text: &str, rules: &[Rule], edit: &Edit<'_>, value: &str) -> Result<String, EditError> {
    let kind = edit.section.unwrap_or_default();
    let module = Key::of(edit.key).module;
    if option_in(value, "authfail").is_some() || option_in(value, "authsucc").is_some() {
        return bad_key(edit.key, "such a line belongs between pam_unix.so and the line that it jumps over");
    }
    let stack = stack(rules, kind);
    let is_include = |rule: &&Rule| rule.kind.is_empty() && text[rule.module.clone()].ends_with(kind);
    let decides = |rule: &&Rule| {
        let (control, module) = (&text[rule.control.clone()], &text[rule.module.clone()]);
        is_include(rule)
            || rule.kind == kind
                && (rule.jump > 0 || module.ends_with("pam_unix.so") || matches!(control, "include" | "substack"))
    };
    let end = stack.iter().rposition(|rule| rule.kind == kind || is_include(rule)).map(|at| at + 1);
    let first = if kind == "session" { None } else { stack.iter().position(decides) };
    let at = first.or(end).unwrap_or(stack.len());
    for (from, rule) in stack.iter().take(at).enumerate().filter(|(_, rule)| rule.jump > 0) {
        let over = |place: usize| place > from && place <= from + rule.jump;
        let uncounted = stack.iter().enumerate().take(at).any(|(place, rule)| rule.kind.is_empty() && over(place));
        if over(at) || uncounted {
            return bad_key(edit.key, "a jump such as [success=1] would then lead to another line");
        }
    }
    let place = match (stack.get(at), at.checked_sub(1).and_then(|at| stack.get(at))) {
        (Some(next), _) if first.is_some() => next.whole.start,
        (_, Some(last)) => last.whole.end,
        (Some(next), None) => next.whole.start,
        (None, None) => text.len(),
    };
    let control = words(value, 0..value.len()).and_then(|words| words.first().cloned()).unwrap_or(0..value.len());
    let arguments = &value[control.end..];
    let line = format!("{kind}\t{}\t{module}{arguments}{}", &value[control], eol(text));
    Ok(super::lines::inserted(text, place, &line))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Pam;
    const AUTH: &str = include_str!("fixtures/common-auth");
    const PASSWORD: &str = include_str!("fixtures/common-password");
    const SSHD: &str = include_str!("fixtures/pam-sshd");
    const SU: &str = include_str!("fixtures/pam-su");

    #[test]
    fn the_files_of_debian() {
        let (auth, password) = (Some("auth"), Some("password"));
        let unix = "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt";
        assert!(PASSWORD.contains(unix));
        assert_eq!(
            set(F, PASSWORD, password, "pam_unix.so:remember", Some("5")),
            PASSWORD.replace(unix, &format!("{unix} remember=5"))
        );
        assert_eq!(set(F, PASSWORD, password, "pam_unix.so:obscure", None), PASSWORD.replace(" obscure", ""));
        assert_eq!(
            set(F, PASSWORD, password, "pam_pwquality.so", Some("requisite retry=3")),
            PASSWORD.replace(unix, &format!("password\trequisite\tpam_pwquality.so retry=3\n{unix}"))
        );
        assert_eq!(F.get(AUTH, auth, "pam_unix.so").as_deref(), Some("[success=1 default=ignore] nullok"));
        assert_eq!(set(F, AUTH, auth, "pam_unix.so:nullok", None), AUTH.replace(" nullok", ""));
        let new = set(F, SU, auth, "pam_wheel.so", Some("required group=wheel"));
        assert!(
            new.find("pam_rootok") < new.find("\nauth\trequired\tpam_wheel.so group=wheel\n@include common-auth"),
            "{new}"
        );
        let new = set(F, SSHD, Some("session"), "pam_umask.so", Some("optional umask=027"));
        assert!(new.contains("session\toptional\tpam_umask.so umask=027\n"), "{new}");
        for (text, section, key, value) in [
            (AUTH, auth, "pam_faillock.so preauth", "required preauth silent deny=5"),
            (PASSWORD, password, "pam_pwhistory.so", "required remember=5 use_authtok"),
            (SSHD, Some("account"), "pam_access.so", "required"),
            (AUTH, auth, "pam_unix.so:try_first_pass", ""),
        ] {
            laws(F, text, section, key, value);
            hostile(F, text, section, key);
        }
    }

    #[test]
    fn jumps_stay_correct() {
        let text = "auth [success=2 default=ignore] pam_a.so\nauth required pam_b.so\nauth required pam_unix.so\nauth required pam_c.so\n";
        refused(F, text, Some("auth"), "pam_b.so", None);
        refused(F, text, Some("auth"), "pam_unix.so", None);
        refused(F, text, Some("auth"), "pam_a.so", None);
        assert_eq!(set(F, text, Some("auth"), "pam_c.so", None), text.replace("auth required pam_c.so\n", ""));
        assert!(
            set(F, text, Some("auth"), "pam_x.so", Some("required")).starts_with("auth\trequired\tpam_x.so\nauth [")
        );
        let session = "session [success=1 default=ignore] pam_a.so\n";
        refused(F, session, Some("session"), "pam_x.so", Some("required"));
        refused(F, AUTH, Some("auth"), "pam_faillock.so authfail", Some("[default=die] authfail"));
        refused(
            F,
            "session [success=2 default=ignore] pam_a.so\n@include common-session\nsession required pam_b.so\n",
            Some("session"),
            "pam_x.so",
            Some("required"),
        );
    }

    #[test]
    fn several_lines_of_one_module() {
        let text =
            "auth required /lib/x/pam_f.so preauth deny=3 # c\n-auth sufficient pam_f.so  \\\n  authfail deny=4\n";
        assert_eq!(F.get(text, Some("auth"), "pam_f.so authfail").as_deref(), Some("sufficient authfail deny=4"));
        assert_eq!(
            set(F, text, Some("auth"), "pam_f.so:deny", Some("5")),
            text.replace("deny=3", "deny=5").replace("deny=4", "deny=5")
        );
        assert_eq!(set(F, text, Some("auth"), "pam_f.so authfail:deny", None), text.replace(" deny=4", ""));
        refused(F, text, Some("auth"), "pam_f.so", Some("required"));
        assert_eq!(
            set(F, text, Some("auth"), "pam_f.so preauth", Some("requisite preauth")),
            text.replace("required", "requisite").replace(" deny=3", "")
        );
    }

    #[test]
    fn what_is_refused() {
        for text in
            ["auth [success=1 pam_a.so\n", "auth required\n", "what\n", "auth required pam_a.so \\\n", "@include\n"]
        {
            refused(F, text, Some("auth"), "pam_x.so", Some("required"));
        }
        for section in [None, Some("other"), Some("auth required")] {
            refused(F, AUTH, section, "pam_x.so", Some("required"));
        }
        for value in
            ["", "maybe", "required  x", "[x", "[]", "required [x", "include x", "required x#y", "required x\\"]
        {
            refused(F, AUTH, Some("auth"), "pam_x.so", Some(value));
        }
        for key in ["x", "pam x.so", "pam_x.so ", "pam_x.so:", "pam_x.so:a b"] {
            refused(F, AUTH, Some("auth"), key, Some("required"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "# c",
            "",
            "auth required pam_a.so x=1",
            "-auth\toptional  pam_b.so # c",
            "@include common-auth",
            "account required pam_a.so",
            "session required \\\n pam_c.so a",
            "auth required pam_unix.so [a b=c] d",
        ];
        let values = "(required|[\\[]success=ok default=ignore[\\]])( [a-z]{1,5}(=[a-z0-9/.]{0,5})?){0,3}";
        Trial { format: F, pieces, must: "", section: Some("password"), keys: &["pam_new.so"], values }.run();
        let must = "auth required pam_x.so a=1\nauth required pam_unix.so [a b=c] d";
        let keys = &["pam_x.so:a", "pam_x.so:new", "pam_unix.so:d"];
        let others = &["# c", "", "account required pam_a.so"];
        let option = "[!$-Z^-~]{0,6}";
        Trial { format: F, pieces: others, must, section: Some("auth"), keys, values: option }.run();
        let keys = &["pam_x.so", "pam_new.so"];
        Trial { format: F, pieces: others, must, section: Some("auth"), keys, values }.run();
        for (key, value) in [
            ("pam_a.so:x", "2"),
            ("pam_a.so:new", ""),
            ("pam_a.so", "optional x"),
            ("pam_unix.so:d", "1"),
            ("pam_new.so", "required"),
        ] {
            for text in [
                "auth required pam_a.so x=1\nauth required pam_unix.so [a b=c] d",
                "@include x\r\nauth\t[default=ok]  pam_a.so # c\r\n-auth required pam_unix.so\r\n",
            ] {
                laws(F, text, Some("auth"), key, value);
            }
        }
    }
}
