//! What was fixed, by whom, and how to take it back.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{clean, mail::few};
use crate::{
    checks::Severity,
    report::{Problem, ProblemRef},
    words,
};

/// A problem that went since the last mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedBy {
    /// What was wrong.
    pub title: String,
    /// The check's id.
    pub check: String,
    /// Who put it right.
    pub who: Who,
    /// When; of what nobody saw happen, when it was first seen to be gone.
    pub when: Timestamp,
    /// The run of fixes, which can be taken back; none where there is none.
    pub run: Option<i64>,
}

/// Who put something right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// cleanbill by itself, allowed by its settings.
    Itself,
    /// This person, with cleanbill.
    Person(String),
    /// Someone by hand, or an update.
    Unknown,
}

/// Problems that one person or one run put right together.
struct Group<'a> {
    who: &'a Who,
    run: Option<i64>,
    when: Timestamp,
    items: Vec<Item<'a>>,
}

struct Item<'a> {
    title: &'a str,
    age: Option<&'a str>,
    back: bool,
}

/// What was fixed, in groups.
pub(super) struct Fixed<'a>(Vec<Group<'a>>);

impl<'a> Fixed<'a> {
    /// What is known to have been done, and what the audit saw to be gone beside that. `open` are the problems of now.
    pub(super) fn new(known: &'a [FixedBy], gone: &'a [ProblemRef], open: &[Problem], now: Timestamp) -> Self {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut put = |who: &'a Who, run: Option<i64>, when: Timestamp, item: Item<'a>| match groups
            .iter_mut()
            .find(|g| g.who == who && g.run == run)
        {
            Some(group) => group.items.push(item),
            None => groups.push(Group { who, run, when, items: vec![item] }),
        };
        for f in known {
            let age = gone.iter().find(|p| p.check == f.check).and_then(|p| p.age.as_deref());
            let back = open.iter().any(|p| p.check == f.check || p.parts.iter().any(|part| part.check == f.check));
            put(&f.who, f.run, f.when, Item { title: &f.title, age, back });
        }
        // Tips come and go without being told.
        let told = |check: &str| known.iter().any(|f| f.check == check);
        for p in gone.iter().filter(|p| p.severity > Severity::Info && !told(&p.check)) {
            put(&Who::Unknown, None, now, Item { title: &p.title, age: p.age.as_deref(), back: false });
        }
        Fixed(groups)
    }

    /// How many are still fixed.
    pub(super) fn count(&self) -> usize {
        self.0.iter().flat_map(|g| &g.items).filter(|i| !i.back).count()
    }

    /// At most so many groups of so many each, and how many that leaves out.
    pub(super) fn view(&self, most: usize, zone: &TimeZone) -> Value {
        let view = |g: &Group<'_>| {
            let items = g.items.iter().map(|i| json!({ "title": i.title, "age": i.age, "back": i.back })).collect();
            json!({
                "by": by(g.who, g.when, zone),
                "items": few(items, most),
                "undo": g.run.map(|run| format!("sudo cleanbill undo {run}")),
                "several": g.items.len() > 1,
            })
        };
        let over: usize = self.0.iter().skip(most).map(|g| g.items.len()).sum();
        let over = (over > 0).then(|| format!("And {} fixed.", words::count(over, "more was", "more were")));
        json!({ "groups": self.0.iter().take(most).map(view).collect::<Vec<_>>(), "over": over })
    }
}

/// Who did it, and when.
fn by(who: &Who, when: Timestamp, zone: &TimeZone) -> String {
    let when = zone.to_datetime(when).strftime("%A %-d %B at %H:%M").to_string();
    match who {
        Who::Itself => format!("Done by cleanbill by itself, as you allowed, on {when}."),
        Who::Person(name) => format!("Done by {}, with cleanbill, on {when}.", clean::name(name)),
        Who::Unknown => "Done by someone, or by an update.".to_owned(),
    }
}
