//! Every key with its sentence, what it takes and what holds without it, drawn from the declarations.

use schemars::schema_for;
use serde::Serialize;
use serde_json::Value;

use super::Config;

/// What stands in a path for a name that people choose.
pub const NAME: &str = "NAME";

/// A key of the settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Key {
    /// Its path: `mail.server`, `schedule.NAME.when`; of a section, `mail`.
    pub path: String,
    /// What it means.
    pub says: String,
    /// What it takes, in words that complete "it takes …"; nothing for a section.
    pub takes: Option<String>,
    /// Words it may be, each with its meaning.
    pub choices: Vec<Choice>,
    /// What holds without it; none where nothing does.
    pub default: Option<Value>,
    /// Whether there is nothing without it.
    pub required: bool,
}

/// A word that a key may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The word.
    pub word: String,
    /// What it means.
    pub says: String,
}

impl Key {
    /// Whether it is a table of other keys.
    pub fn is_section(&self) -> bool {
        self.takes.is_none()
    }

    /// Its last part.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// What holds without it, as the file would say it.
    pub fn default_text(&self) -> Option<String> {
        let value = self.default.as_ref().filter(|v| !v.is_null())?;
        toml::Value::try_from(value).ok().map(|v| v.to_string())
    }
}

/// All keys in the order of their declaration, each section before its keys.
pub fn keys() -> Vec<Key> {
    let schema = schema_for!(Config).to_value();
    let mut found = Vec::new();
    let root = Reader { schema: &schema };
    root.section("", &schema, None, &mut found);
    found
}

struct Reader<'a> {
    schema: &'a Value,
}

impl<'a> Reader<'a> {
    /// What a reference points to.
    fn whole(&self, value: &'a Value) -> &'a Value {
        let Some(name) = value.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()) else {
            return value;
        };
        self.schema.get("$defs").and_then(|defs| defs.get(name)).unwrap_or(value)
    }

    fn section(&self, path: &str, declared: &'a Value, defaults: Option<&Value>, found: &mut Vec<Key>) {
        let shape = self.whole(declared);
        let required: Vec<&str> =
            shape.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in shape.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let default = defaults.and_then(|d| d.get(name)).or_else(|| property.get("default")).cloned();
            let says = says(property).or_else(|| says(self.whole(property))).unwrap_or_default();
            let kind = self.kind(property);
            let named = self.whole(property).get("additionalProperties").filter(|v| v.is_object());
            let is_section = self.whole(property).get("properties").is_some() || named.is_some();
            let takes = (!is_section).then(|| kind.takes.clone());
            let required = required.contains(&name.as_str());
            let choices = kind.choices;
            found.push(Key { path: path.clone(), says, takes, choices, default: default.clone(), required });
            if let Some(named) = named {
                self.section(&format!("{path}.{NAME}"), named, None, found);
            } else if is_section {
                self.section(&path, property, default.as_ref(), found);
            }
        }
    }

    /// What a key takes.
    fn kind(&self, property: &'a Value) -> Kind {
        if let Some(one) = ["anyOf", "oneOf"].iter().find_map(|k| property.get(k).and_then(Value::as_array)) {
            let real: Vec<&Value> =
                one.iter().filter(|v| v.get("type").and_then(Value::as_str) != Some("null")).collect();
            let choices: Vec<Choice> = real.iter().filter_map(|v| choice(v)).collect();
            if !choices.is_empty() {
                return Kind::one_of(choices);
            }
            return real.first().map_or_else(Kind::text, |v| self.kind(v));
        }
        let shape = self.whole(property);
        if !std::ptr::eq(shape, property) {
            return self.kind(shape);
        }
        let types: Vec<&str> = match shape.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let words: Vec<Choice> =
            shape.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(plain).collect();
        if !words.is_empty() {
            return Kind::one_of(words);
        }
        let format = shape.get("format").and_then(Value::as_str);
        if types.contains(&"boolean") {
            Kind::plain("true or false")
        } else if types.contains(&"integer") {
            Kind::plain(match format {
                Some("uint16") => "a whole number up to 65535",
                _ => "a whole number",
            })
        } else if types.contains(&"array") {
            let of = shape.get("items").map_or_else(Kind::text, |items| self.kind(items));
            let what = match of.takes.as_str() {
                "text" => "a list of texts",
                "a time of the week" => "a list of times of the week, such as \"sat 02:00-05:00\"",
                _ => "a list of words",
            };
            Kind { takes: what.to_owned(), choices: of.choices }
        } else {
            match format {
                Some("length of time") => Kind::plain("a length of time, such as \"15m\", \"1h 30m\" or \"7d\""),
                Some("time of the week") => Kind::plain("a time of the week"),
                _ => Kind::text(),
            }
        }
    }
}

struct Kind {
    takes: String,
    choices: Vec<Choice>,
}

impl Kind {
    fn plain(takes: &str) -> Self {
        Kind { takes: takes.to_owned(), choices: Vec::new() }
    }

    fn text() -> Self {
        Kind::plain("text")
    }

    fn one_of(choices: Vec<Choice>) -> Self {
        let words: Vec<String> = choices.iter().map(|c| format!("\"{}\"", c.word)).collect();
        let takes = match words.as_slice() {
            [start @ .., last] if !start.is_empty() => format!("{} or {last}", start.join(", ")),
            _ => words.join(""),
        };
        Kind { takes, choices }
    }
}

fn says(value: &Value) -> Option<String> {
    let text = value.get("description")?.as_str()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn choice(value: &Value) -> Option<Choice> {
    let word = value.get("const")?.as_str()?.to_owned();
    Some(Choice { word, says: says(value).unwrap_or_default() })
}

fn plain(value: &Value) -> Option<Choice> {
    Some(Choice { word: value.as_str()?.to_owned(), says: String::new() })
}

/// The keys of one section by name: what may stand in it.
pub(super) fn names_in(keys: &[Key], section: &str) -> Vec<String> {
    let prefix = if section.is_empty() { String::new() } else { format!("{section}.") };
    let direct = |k: &&Key| k.path.strip_prefix(&prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains('.'));
    keys.iter().filter(direct).map(|k| k.name().to_owned()).collect()
}

/// The tables in which people choose the names of what stands in them.
pub(super) const NAMED: [&str; 3] = ["checks", "metrics.targets", "schedule"];

/// The path of a key in the file as it stands in the table of keys: `schedule.monday.when` is `schedule.NAME.when`.
pub fn general(path: &str) -> String {
    let within = |named: &&str| path.strip_prefix(*named).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let Some(named) = NAMED.into_iter().find(within) else { return path.to_owned() };
    let rest = path.get(named.len() + 1..).unwrap_or_default();
    match (named, rest.split_once('.')) {
        // Limits of checks are the checks' own.
        ("checks", _) => "checks".to_owned(),
        (named, Some((_, key))) => format!("{named}.{NAME}.{key}"),
        (named, None) if rest.is_empty() => named.to_owned(),
        (named, None) => format!("{named}.{NAME}"),
    }
}

/// All settings with their sentences and defaults: the reference of the documentation.
pub fn reference() -> String {
    reference_with(&Config::default())
}

/// The same with what holds on a machine: keys that differ from their default stand without `#`.
pub fn reference_with(config: &Config) -> String {
    let held = serde_json::to_value(config).unwrap_or_default();
    let keys = keys();
    let mut out =
        String::from("# Settings of cleanbill. Every line that begins with `#` shows what holds without it.\n");
    let (named, plain): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(|k| k.path.contains(NAME));
    for key in plain {
        sentence(&mut out, key);
        if !key.is_section() {
            let now = key.path.split('.').try_fold(&held, |value, part| value.get(part));
            line(&mut out, key, now);
        } else if !NAMED.contains(&key.path.as_str()) {
            out.push_str(&format!("[{}]\n", key.path));
        } else {
            out.push_str(&format!("#[{}.{NAME}]\n", key.path));
            let inside = named.iter().filter(|k| k.path.starts_with(&format!("{}.", key.path)));
            for key in inside {
                sentence(&mut out, key);
                line(&mut out, key, None);
            }
            let now = key.path.split('.').try_fold(&held, |value, part| value.get(part));
            for (name, table) in now.and_then(Value::as_object).into_iter().flatten() {
                out.push_str(&format!("\n[{}.{name}]\n", key.path));
                out.push_str(&written(table));
            }
        }
    }
    out
}

/// The lines of a table that someone wrote, without what is nothing.
fn written(table: &Value) -> String {
    let mut out = String::new();
    for (key, value) in table.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        if let Ok(value) = toml::Value::try_from(value) {
            out.push_str(&format!("{key} = {value}\n"));
        }
    }
    out
}

fn sentence(out: &mut String, key: &Key) {
    out.push('\n');
    for line in textwrap::wrap(&key.says, 96) {
        out.push_str(&format!("# {line}\n"));
    }
    for choice in key.choices.iter().filter(|c| !c.says.is_empty()) {
        out.push_str(&format!("#   {}: {}\n", choice.word, choice.says));
    }
}

fn line(out: &mut String, key: &Key, now: Option<&Value>) {
    let set = now.filter(|now| !now.is_null() && Some(*now) != key.default.as_ref());
    out.push_str(&match (set.and_then(|now| toml::Value::try_from(now).ok()), key.default_text()) {
        (Some(value), _) => format!("{} = {value}\n", key.name()),
        (None, Some(value)) => format!("#{} = {value}\n", key.name()),
        (None, None) => format!("#{} = …    ({})\n", key.name(), key.takes.as_deref().unwrap_or_default()),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_sentence_and_what_it_takes() {
        let keys = keys();
        assert!(keys.len() > 60, "{}", keys.len());
        for key in &keys {
            assert!(key.says.ends_with('.'), "{}: {}", key.path, key.says);
            assert!(!key.says.contains("[`"), "{}", key.path);
            assert!(key.is_section() || !key.takes.as_deref().unwrap_or_default().is_empty(), "{}", key.path);
        }
        let of = |path: &str| keys.iter().find(|k| k.path == path).unwrap();
        assert_eq!(of("mail.security").default_text().as_deref(), Some("\"starttls\""));
        assert_eq!(of("mail.security").choices.len(), 3);
        assert_eq!(of("autofix.per_day").default_text().as_deref(), Some("5"));
        assert_eq!(of("schedule.NAME.pdf").default_text().as_deref(), Some("true"));
        assert!(of("schedule.NAME.when").required && of("mail").is_section() && !of("mail.port").required);
        assert_eq!(of("report.paper").takes.as_deref(), Some("\"a4\" or \"letter\""));
    }

    #[test]
    fn the_defaults_of_the_reference_are_those_of_the_program() {
        let all = serde_json::to_value(Config::default()).unwrap();
        for key in keys().iter().filter(|k| !k.is_section() && !k.path.contains(NAME)) {
            let held = key.path.split('.').try_fold(&all, |v, part| v.get(part)).cloned();
            assert_eq!(held.filter(|v| !v.is_null()), key.default.clone().filter(|v| !v.is_null()), "{}", key.path);
        }
    }

    #[test]
    fn a_path_of_the_file_is_found_among_the_keys() {
        for (path, expected) in [
            ("mail.server", "mail.server"),
            ("schedule", "schedule"),
            ("schedule.monday", "schedule.NAME"),
            ("schedule.monday.when", "schedule.NAME.when"),
            ("metrics.every", "metrics.every"),
            ("metrics.targets", "metrics.targets"),
            ("metrics.targets.shop", "metrics.targets.NAME"),
            ("metrics.targets.shop.url", "metrics.targets.NAME.url"),
            ("checks.a.days", "checks"),
            ("checksum", "checksum"),
        ] {
            assert_eq!(general(path), expected);
        }
    }

    #[test]
    fn the_reference() {
        // The documentation has it too.
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cleanbill.toml");
        assert_eq!(std::fs::read_to_string(file).unwrap(), reference(), "cleanbill config show --all writes it anew");
    }
}
