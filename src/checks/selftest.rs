//! Runs the tests that stand in the check files.

use super::{
    Check,
    file::{self, AGO},
    run::find,
};
use crate::{
    facts::{FactDb, QueryError, Table},
    metrics::tables,
    probes,
};

/// A test of a check that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{check}: test `{test}`: {what}")]
pub struct TestFailure {
    /// The check's id.
    pub check: String,
    /// The test's name.
    pub test: String,
    /// What was expected and what came.
    pub what: String,
}

/// What `audit_time()` answers in the tests of check files.
pub const TEST_TIME: &str = "2026-01-15T12:00:00Z";

/// Runs all tests of `checks`; returns how many ran and those that failed.
///
/// # Errors
/// When DuckDB cannot be started.
pub fn self_test<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Result<(usize, Vec<TestFailure>), QueryError> {
    let db = FactDb::new(probes::tables(), TEST_TIME.parse().unwrap_or_default())?;
    // Rows are taken back after each test, so the tables are made only once.
    db.seal()?;
    let mut ran = 0_usize;
    let mut failures = Vec::new();
    for check in checks {
        for test in &check.tests {
            ran += 1;
            db.connection().execute_batch("begin")?;
            let result = one(&db, check, test);
            db.connection().execute_batch("rollback")?;
            if let Err(what) = result {
                failures.push(TestFailure { check: check.id.clone(), test: test.name.clone(), what });
            }
        }
    }
    Ok((ran, failures))
}

fn one(db: &FactDb, check: &Check, test: &super::Test) -> Result<(), String> {
    for (name, rows) in &test.given {
        let (table, _) = probes::table(name).ok_or_else(|| format!("there is no fact table `{name}`"))?;
        for row in rows {
            let sql = insert(table, row);
            db.connection().execute_batch(&sql).map_err(|e| format!("{name}: {e}"))?;
        }
    }
    let found = find(check, db, Some(&test.params)).map_err(|e| e.to_string())?;
    let count = found.as_ref().map_or(0, |f| f.count);
    if count != test.finds {
        return Err(format!("it should find {} but finds {count}", test.finds));
    }
    if let Some(finding) = found {
        if test.severity.is_some_and(|s| s != finding.severity) {
            return Err(format!("its severity is {}", finding.severity.name()));
        }
        if let Some(title) = test.title.as_ref().filter(|t| **t != finding.title) {
            return Err(format!("the title should read\n    {title}\n  but reads\n    {}", finding.title));
        }
        let lines: Vec<_> = finding.evidence.into_iter().map(|e| e.text).collect();
        if let Some(expected) = test.evidence.as_ref().filter(|e| **e != lines) {
            return Err(format!("the evidence should read\n    {expected:?}\n  but reads\n    {lines:?}"));
        }
        if lines.iter().any(String::is_empty) {
            return Err("an evidence line is empty".to_owned());
        }
        fix(db, check, test)?;
    }
    Ok(())
}

/// That the fix can be filled in from what the check found, and that its own questions can be asked.
fn fix(db: &FactDb, check: &Check, test: &super::Test) -> Result<(), String> {
    let Some(fix) = &check.fix else { return Ok(()) };
    let user = [("user".to_owned(), serde_json::Value::from("ann"))];
    let asked = fix.refuse.iter().map(|r| &r.query).chain(fix.ask.iter().filter_map(|a| a.choices.as_ref()));
    for sql in asked {
        let params: &[_] = if sql.contains("$user") { &user } else { &[] };
        db.select(sql, params).map_err(|e| format!("a question of its fix fails: {e}"))?;
    }
    let rows = db.select(&check.query, &check.bindings(Some(&test.params))).map_err(|e| e.to_string())?.into_maps();
    let mut answers = std::collections::BTreeMap::new();
    for ask in &fix.ask {
        answers.insert(ask.name.clone(), answer(db, ask)?);
    }
    let actions = fix.actions.filled(&rows, &answers).map_err(|e| format!("its fix cannot be filled in: {e}"))?;
    if let Some(expected) = &test.actions {
        let told: Vec<String> = actions.iter().map(|(_, action)| action.told()).collect();
        if *expected != told {
            return Err(format!("its fix should do\n    {expected:?}\n  but does\n    {told:?}"));
        }
    }
    Ok(())
}

/// What someone would answer who takes the first choice, or each where several may be chosen.
fn answer(db: &FactDb, ask: &crate::fixes::Ask) -> Result<Vec<String>, String> {
    let Some(sql) = &ask.choices else { return Ok(vec!["1".to_owned()]) };
    let rows = db.select(sql, &[]).map_err(|e| format!("the choices of its fix fail: {e}"))?.into_maps();
    let first = |row: &serde_json::Map<String, serde_json::Value>| {
        row.values().next().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
    };
    let all = rows.iter().filter_map(first);
    Ok(if ask.many { all.collect() } else { all.take(1).collect() })
}

/// An INSERT for a row of a test.
fn insert(table: &Table, row: &toml::Table) -> String {
    let mut names = Vec::new();
    let mut values = Vec::new();
    let mut steps = None;
    for (name, value) in row {
        if name == AGO {
            steps = file::ago(value);
            continue;
        }
        names.push(name.as_str());
        values.push(match value {
            toml::Value::String(s) => format!("'{}'", s.replace('\'', "''")),
            toml::Value::Datetime(d) => format!("'{d}'"),
            // Labels of a metric.
            toml::Value::Table(labels) => {
                let text = |v: &toml::Value| v.as_str().unwrap_or_default().replace('\'', "''");
                let entries = labels.iter().map(|(name, value)| format!("'{name}': '{}'", text(value)));
                format!("map {{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        });
    }
    if let (Some((first, last)), Some(step)) = (steps, tables::step(table.name)) {
        names.push("ts");
        values.push(format!("audit_time() - n * interval 1 {step}"));
        let (names, values) = (names.join(", "), values.join(", "));
        return format!(
            "insert into {} ({names}) select {values} from range({first}, {last} + 1) steps(n)",
            table.name
        );
    }
    if names.is_empty() {
        return format!("insert into {} default values", table.name);
    }
    format!("insert into {} ({}) values ({})", table.name, names.join(", "), values.join(", "))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::checks::Catalogue;

    /// Syllables of a word, by vowel groups; a silent final e does not count.
    fn syllables(word: &str) -> usize {
        let word = word.to_lowercase();
        let vowel = |c: char| "aeiouy".contains(c);
        let mut count = 0;
        let mut last = false;
        for c in word.chars() {
            if vowel(c) && !last {
                count += 1;
            }
            last = vowel(c);
        }
        if word.ends_with('e') && !word.ends_with("le") && count > 1 {
            count -= 1;
        }
        if (word.ends_with("ed") && !word.ends_with("ted") && !word.ends_with("ded")) && count > 1 {
            count -= 1;
        }
        count.max(1)
    }

    fn sentences(text: &str) -> Vec<Vec<&str>> {
        text.split(['.', '!', '?', ':'])
            .map(|s| s.split_whitespace().filter(|w| w.chars().any(char::is_alphanumeric)).collect::<Vec<_>>())
            .filter(|s| !s.is_empty())
            .collect()
    }

    /// Flesch–Kincaid grade: 0.39 words per sentence + 11.8 syllables per word - 15.59.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn grade(text: &str) -> f64 {
        let sentences = sentences(text);
        let words: Vec<_> = sentences.iter().flatten().collect();
        let syllables: usize = words.iter().map(|w| syllables(w.trim_matches(|c: char| !c.is_alphanumeric()))).sum();
        0.39 * words.len() as f64 / sentences.len() as f64 + 11.8 * syllables as f64 / words.len() as f64 - 15.59
    }

    #[test]
    fn every_check_passes_its_own_tests() {
        let catalogue = Catalogue::builtin().unwrap_or_else(|e| panic!("{e}"));
        let (ran, failures) = self_test(catalogue.checks()).unwrap();
        let text: Vec<_> = failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}", text.join("\n"));
        assert!(ran >= 2 * catalogue.len());
    }

    #[test]
    fn the_words_of_every_check_are_easy_to_read() {
        let catalogue = Catalogue::builtin().unwrap_or_else(|e| panic!("{e}"));
        let mut hard = Vec::new();
        for check in catalogue.checks() {
            let text = format!("{}. {} {}", check.title, check.why, check.advice);
            let measured = grade(&text);
            if measured > 8.0 {
                hard.push(format!("{}: grade {measured:.1}", check.id));
            }
            if let Some(long) = sentences(&text).iter().find(|s| s.len() > 22) {
                hard.push(format!("{}: a sentence of {} words: {}", check.id, long.len(), long.join(" ")));
            }
            let title = check.title.to_lowercase();
            let jargon =
                ["sshd", "cve", "pam", "sysctl", "uid", "suid", "daemon", "umask", "acl", "tls", "tcp", "cron"];
            for word in title.split(|c: char| !c.is_alphanumeric()) {
                if jargon.contains(&word) {
                    hard.push(format!("{}: the title says `{word}`, which an owner may not know", check.id));
                }
            }
        }
        assert!(hard.is_empty(), "too hard:\n{}", hard.join("\n"));
    }
}
