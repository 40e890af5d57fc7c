//! What a check file says of its fix beyond words: the actions, what must not be, and what only a person can answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tera::{Context, Tera};

use super::actions::Action;

/// The actions of a fix, as its file says. A text with `{{ column }}` is filled in from each row that the check found.
/// `if` says whether an action is done at all; `each` names a column that is a list, or has one thing a line: then the
/// action is done once for each, which it sees as `{{ item }}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actions(pub Vec<toml::Table>);

/// When a fix must not be done: a question over the facts that returns rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// A SELECT over the fact tables; `$user` is who runs this.
    pub query: String,
    /// Why it is refused and what would make it possible: a template that sees the first row.
    pub why: String,
}

/// What only a person can answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The name by which actions see the answer, and scripts give it: `--answer ID=VALUE`.
    pub name: String,
    /// The question: `Which of these accounts may become administrator?`
    pub question: String,
    /// A SELECT whose first column has the choices; a second one explains them. Without it, any text is an answer.
    #[serde(default)]
    pub choices: Option<String>,
    /// Whether several may be chosen; each is an answer of its own.
    #[serde(default)]
    pub many: bool,
}

impl Actions {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them installs something.
    pub fn install(&self) -> bool {
        self.0.iter().any(|table| table.contains_key("package") || table.contains_key("firewall"))
    }

    /// The actions for these rows and answers, each once; with the row that it is for, where it is for one.
    ///
    /// # Errors
    /// When a template asks for a column that is not there, or an action has a key that it does not know.
    pub fn filled(
        &self,
        rows: &[Map<String, Value>],
        answers: &BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<(Option<usize>, Action)>, String> {
        let mut found: Vec<(Option<usize>, Action)> = Vec::new();
        for table in &self.0 {
            for (row, context) in contexts(table, rows, answers) {
                let Some(filled) = fill(&toml::Value::Table(table.clone()), &context)? else { continue };
                let action: Action = filled.try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
                if !found.iter().any(|(_, known)| *known == action) {
                    found.push((row, action));
                }
            }
        }
        Ok(found)
    }

    /// The first mistake that shows without rows: an action or a key that does not exist.
    ///
    /// # Errors
    /// That mistake.
    pub fn check(&self) -> Result<(), String> {
        for table in &self.0 {
            let mut table = table.clone();
            table.remove("if");
            table.remove("each");
            let _: Action =
                toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
        }
        Ok(())
    }
}

/// What the templates of an action see, once for each row and answer where they ask for one.
fn contexts(
    table: &toml::Table,
    rows: &[Map<String, Value>],
    answers: &BTreeMap<String, Vec<String>>,
) -> Vec<(Option<usize>, Context)> {
    let text = toml::Value::Table(table.clone()).to_string();
    let mut context = Context::new();
    context.insert("n", &rows.len());
    context.insert("rows", rows);
    if !text.contains("{{") && !text.contains("{%") {
        return vec![(None, context)];
    }
    let mut all = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let mut one = context.clone();
        for (name, value) in row {
            one.insert(name.clone(), value);
        }
        match table.get("each").and_then(toml::Value::as_str) {
            None => all.push((Some(at), one)),
            Some(column) => {
                for item in items(row.get(column)) {
                    let mut with = one.clone();
                    with.insert("item", &item);
                    all.push((Some(at), with));
                }
            }
        }
    }
    for (name, chosen) in answers.iter().filter(|(name, _)| mentions(&text, name)) {
        let with = |(at, one): &(Option<usize>, Context)| {
            let (at, one) = (*at, one.clone());
            chosen.iter().map(move |answer| {
                let mut with = one.clone();
                with.insert(name.clone(), answer);
                (at, with)
            })
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// Whether the templates in a text use a name.
fn mentions(text: &str, name: &str) -> bool {
    let inside = text.split("{{").skip(1).filter_map(|t| t.split("}}").next());
    let inside = inside.chain(text.split("{%").skip(1).filter_map(|t| t.split("%}").next()));
    let word = |c: char| c.is_alphanumeric() || c == '_';
    inside.into_iter().any(|code| code.split(|c| !word(c)).any(|w| w == name))
}

/// The things of a column that has several.
fn items(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => text.lines().filter(|l| !l.is_empty()).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A value with its templates filled in; none where its `if` says no.
fn fill(value: &toml::Value, context: &Context) -> Result<Option<toml::Value>, String> {
    Ok(Some(match value {
        toml::Value::String(text) => toml::Value::String(text_of(text, context)?),
        toml::Value::Array(items) => {
            let items: Result<Vec<_>, String> = items.iter().map(|item| fill(item, context)).collect();
            toml::Value::Array(items?.into_iter().flatten().collect())
        }
        toml::Value::Table(table) => {
            let mut filled = toml::Table::new();
            for (key, value) in table.iter().filter(|(key, _)| *key != "each") {
                match fill(value, context)? {
                    Some(toml::Value::String(said)) if key == "if" => {
                        if !matches!(said.trim(), "true" | "yes" | "1") {
                            return Ok(None);
                        }
                    }
                    Some(value) => {
                        filled.insert(key.clone(), value);
                    }
                    None => return Ok(None),
                }
            }
            toml::Value::Table(filled)
        }
        other => other.clone(),
    }))
}

pub(super) fn text_of(text: &str, context: &Context) -> Result<String, String> {
    if !text.contains("{{") && !text.contains("{%") {
        return Ok(text.to_owned());
    }
    let mut tera = Tera::new();
    tera.add_raw_template("text", text).map_err(|e| e.to_string())?;
    tera.render("text", context)
        .map_err(|e| std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_only_where_a_template_uses_it() {
        let text = r#"all = [{ line = { path = "/etc/port", text = "{{ port }}" } }, { remove = { path = "/etc/port.{{ n }}" } }]"#;
        let table: toml::Table = text.parse().unwrap();
        let actions: Actions = table["all"].clone().try_into().unwrap();
        let answers = BTreeMap::from([("port".to_owned(), vec!["22".to_owned(), "80".to_owned()])]);
        let rows = [serde_json::json!({ "x": 1 }).as_object().unwrap().clone()];
        let told: Vec<String> = actions.filled(&rows, &answers).unwrap().iter().map(|(_, a)| a.told()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains(r#""22""#) && told[1].contains(r#""80""#) && told[2].contains("port.1"), "{told:?}");
    }

    #[test]
    fn each_thing_of_a_column_gets_an_action_of_its_own() {
        let text = r#"all = [{ each = "paths", if = "{{ mode == 'x' }}", remove = { path = "{{ item }}" } }]"#;
        let table: toml::Table = text.parse().unwrap();
        let actions: Actions = table["all"].clone().try_into().unwrap();
        assert_eq!(actions.check(), Ok(()));
        let row = |json: serde_json::Value| json.as_object().unwrap().clone();
        let rows = [
            row(serde_json::json!({ "paths": ["/a", "/b c"], "mode": "x" })),
            row(serde_json::json!({ "paths": "/d\n/a\n", "mode": "x" })),
            row(serde_json::json!({ "paths": ["/e"], "mode": "y" })),
            row(serde_json::json!({ "paths": null, "mode": "x" })),
        ];
        let told: Vec<String> =
            actions.filled(&rows, &BTreeMap::new()).unwrap().iter().map(|(_, a)| a.told()).collect();
        let paths = ["/a", "/b c", "/d"];
        assert_eq!(told, paths.map(|p| format!(r#"{{"remove":{{"path":"{p}"}}}}"#)));
    }
}
