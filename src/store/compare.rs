//! What two audits saw differently: the rows of fact tables that are in one of two snapshots only, paired by their key.
//! The same content is the same snapshot and costs nothing.

use std::collections::BTreeMap;

use duckdb::{Connection, params};
use serde_json::{Map, Value};

use super::{Store, StoreError};
use crate::facts::{Table, json};

/// What is wanted of a table: the columns by which a row is known again, those whose change matters, and those that
/// are only told.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The declaration.
    pub table: &'static Table,
    /// Columns by which a row is known again; none for a table of one row.
    pub key: Vec<&'static str>,
    /// Columns whose change matters.
    pub watch: Vec<&'static str>,
    /// Columns that are only told; of several rows that are otherwise the same, the smallest value.
    pub show: Vec<&'static str>,
    /// Rows that count, as a condition in SQL.
    pub keep: Option<&'static str>,
}

impl Wanted {
    /// Which rows count, as words that go on a condition in SQL.
    fn condition(&self) -> String {
        self.keep.map(|k| format!(" and ({k})")).unwrap_or_default()
    }
}

/// How well an audit knew a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// All of it; also that its subject is not on the machine.
    Whole,
    /// Some rows are missing; why, if it was kept.
    Part(Option<String>),
    /// Nothing; why, if it was kept.
    Unread(Option<String>),
    /// It was not asked.
    NotAsked,
}

/// The rows of a table that differ between two audits.
#[derive(Debug, Clone, PartialEq)]
pub struct TableDiff {
    /// Name of the table.
    pub table: &'static str,
    /// How well the first audit knew it.
    pub before: Known,
    /// How well the second did.
    pub after: Known,
    /// How many rows the first saw.
    pub rows_before: usize,
    /// How many the second saw.
    pub rows_after: usize,
    /// The rows that differ.
    pub rows: Vec<RowDiff>,
    /// Columns that only one of the two knew: recorded by another version, so their change was not looked at.
    pub blind: Vec<&'static str>,
}

/// A row that came, went or changed, by the columns that were wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct RowDiff {
    /// As it was; none when it came.
    pub before: Option<Map<String, Value>>,
    /// As it is; none when it went.
    pub after: Option<Map<String, Value>>,
    /// Whether there is another row with the same key: in the audit in which this one is not, so that its subject neither
    /// came nor went; of a row that changed, one that stayed as it was.
    pub beside: bool,
}

impl Store {
    /// The rows of the wanted tables that differ between two audits, in the order wanted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn differences(&self, before: i64, after: i64, wanted: &[Wanted]) -> Result<Vec<TableDiff>, StoreError> {
        let connection = self.read()?;
        let (old, new) = (seen(&connection, before)?, seen(&connection, after)?);
        let have = columns(&connection)?;
        let same_version = one_version(&connection, before, after)?;
        let none = Vec::new();
        wanted
            .iter()
            .map(|wanted| {
                let have = have.get(wanted.table.name).unwrap_or(&none);
                difference(
                    &connection,
                    wanted,
                    have,
                    (old.get(wanted.table.name), new.get(wanted.table.name)),
                    same_version,
                )
            })
            .collect()
    }
}

/// What an audit recorded of a table.
struct Seen {
    known: Known,
    snapshot: Option<i64>,
}

fn seen(connection: &Connection, audit: i64) -> Result<BTreeMap<String, Seen>, StoreError> {
    let sql = "select table_name, state, snapshot, why from audit_facts where audit = ?";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![audit])?;
    let mut seen = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let state: String = row.get(1)?;
        let why: Option<String> = row.get(3)?;
        let known = match state.as_str() {
            "read" | "absent" => Known::Whole,
            "partial" => Known::Part(why),
            "unread" => Known::Unread(why),
            _ => Known::NotAsked,
        };
        seen.insert(row.get(0)?, Seen { known, snapshot: row.get(2)? });
    }
    Ok(seen)
}

/// The columns that each fact table has in this file.
fn columns(connection: &Connection) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let sql = "select table_name, column_name from duckdb_columns() where schema_name = 'facts'";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut have: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        have.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(have)
}

fn one_version(connection: &Connection, before: i64, after: i64) -> Result<bool, StoreError> {
    let sql = "select count(distinct version) < 2 from audits where id in (?, ?)";
    Ok(connection.query_row(sql, params![before, after], |r| r.get(0))?)
}

fn difference(
    connection: &Connection,
    wanted: &Wanted,
    have: &[String],
    (old, new): (Option<&Seen>, Option<&Seen>),
    same_version: bool,
) -> Result<TableDiff, StoreError> {
    let known = |seen: Option<&Seen>| seen.map_or(Known::NotAsked, |s| s.known.clone());
    let snapshot = |seen: Option<&Seen>| seen.and_then(|s| s.snapshot);
    let (before, after) = (snapshot(old), snapshot(new));
    let mut diff = TableDiff {
        table: wanted.table.name,
        before: known(old),
        after: known(new),
        rows_before: 0,
        rows_after: 0,
        rows: Vec::new(),
        blind: Vec::new(),
    };
    let readable = |k: &Known| matches!(k, Known::Whole | Known::Part(_));
    if before == after || !readable(&diff.before) || !readable(&diff.after) {
        return Ok(diff);
    }
    let there = |c: &&str| have.iter().any(|h| h == c);
    let asked = wanted.table.columns.iter().map(|c| c.name).filter(|c| wanted.keep.is_some_and(|k| names(k, c)));
    if !wanted.key.iter().copied().chain(asked).all(|c| there(&c)) {
        diff.before = Known::Unread(None);
        return Ok(diff);
    }
    let sides = Sides::count(connection, wanted, have, before, after)?;
    (diff.rows_before, diff.rows_after) = (sides.before, sides.after);
    diff.blind = sides.blind(wanted, same_version);
    let plain = |c: &&&'static str| there(c) && !diff.blind.contains(*c);
    let same: Vec<&str> = wanted.key.iter().chain(wanted.watch.iter().filter(plain)).copied().collect();
    if same.is_empty() {
        return Ok(diff);
    }
    let show: Vec<&str> = wanted.show.iter().filter(|c| there(c)).copied().collect();
    diff.rows = rows(connection, wanted, &same, &show, (before, after))?;
    // Where rows are missing on one side, a row that is not there proves nothing.
    let (old_whole, new_whole) = (diff.before == Known::Whole, diff.after == Known::Whole);
    diff.rows.retain(|row| match (&row.before, &row.after) {
        (None, Some(_)) => old_whole,
        (Some(_), None) => new_whole,
        _ => true,
    });
    Ok(diff)
}

/// Whether a condition in SQL names the column.
fn names(condition: &str, column: &str) -> bool {
    condition.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == column)
}

/// How many rows each side has, and in how many of them each watched column says something.
struct Sides {
    before: usize,
    after: usize,
    filled: Vec<(&'static str, bool, bool)>,
}

impl Sides {
    fn count(
        connection: &Connection,
        wanted: &Wanted,
        have: &[String],
        before: Option<i64>,
        after: Option<i64>,
    ) -> Result<Self, StoreError> {
        let watched: Vec<&'static str> = wanted.watch.iter().copied().filter(|c| have.iter().any(|h| h == c)).collect();
        let counts: String = watched.iter().map(|c| format!(", count({c})")).collect();
        let keep = wanted.condition();
        let sql = format!("select count(*){counts} from facts.{} where snapshot = ?{keep}", wanted.table.name);
        let side = |snapshot: Option<i64>| -> Result<Vec<usize>, StoreError> {
            let mut statement = connection.prepare(&sql)?;
            let counts = statement.query_row(params![snapshot], |row| {
                (0..=watched.len()).map(|n| row.get::<_, i64>(n)).collect::<Result<Vec<_>, _>>()
            })?;
            Ok(counts.into_iter().map(|n| usize::try_from(n).unwrap_or(0)).collect())
        };
        let (old, new) = (side(before)?, side(after)?);
        let says = |counts: &[usize], n: usize| counts.get(n + 1).is_some_and(|c| *c > 0);
        Ok(Sides {
            before: old.first().copied().unwrap_or(0),
            after: new.first().copied().unwrap_or(0),
            filled: watched.iter().enumerate().map(|(n, c)| (*c, says(&old, n), says(&new, n))).collect(),
        })
    }

    /// Watched columns that one side did not record: empty in all of its rows though they never are, or though they may
    /// be but another version wrote them. Their values would all seem to have changed.
    fn blind(&self, wanted: &Wanted, same_version: bool) -> Vec<&'static str> {
        let nullable = |c: &str| wanted.table.columns.iter().any(|column| column.name == c && column.nullable);
        self.filled
            .iter()
            .filter(|(c, old, new)| {
                let unrecorded = (!old && self.before > 0 && *new) || (!new && self.after > 0 && *old);
                unrecorded && !(nullable(c) && same_version)
            })
            .map(|(c, ..)| *c)
            .collect()
    }
}

/// The rows that are on one side only, those with the same key side by side.
fn rows(
    connection: &Connection,
    wanted: &Wanted,
    same: &[&str],
    show: &[&str],
    (before, after): (Option<i64>, Option<i64>),
) -> Result<Vec<RowDiff>, StoreError> {
    let list = same.join(", ");
    let told: String = show.iter().map(|c| format!(", min({c}) as {c}")).collect();
    let keep = wanted.condition();
    let side = |name: &str| {
        format!(
            "{name} as (select {list}{told} from facts.{} where snapshot = ?{keep} group by {list})",
            wanted.table.name
        )
    };
    let equal = |columns: &[&str], a: &str, b: &str| {
        let each: Vec<String> = columns.iter().map(|c| format!("{a}.{c} is not distinct from {b}.{c}")).collect();
        if each.is_empty() { "true".to_owned() } else { each.join(" and ") }
    };
    // Rows of one key that several times differ are paired in their order.
    let by_key = if wanted.key.is_empty() { String::new() } else { format!("partition by {} ", wanted.key.join(", ")) };
    let only = |name: &str, mine: &str, other: &str| {
        format!(
            "{name} as (select a.*, row_number() over ({by_key}order by {list}) as pair,
                    exists (select 1 from {other} b where {known}) as other_side,
                    exists (select 1 from stays b where {known}) as both_sides
             from {mine} a where not exists (select 1 from {other} b where {same}))",
            known = equal(&wanted.key, "a", "b"),
            same = equal(same, "a", "b"),
        )
    };
    let columns: Vec<&str> = same.iter().chain(show).copied().collect();
    let pick = |side: &str| columns.iter().map(|c| format!("{side}.{c}")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "with {}, {}, stays as (select a.* from old a where exists (select 1 from new b where {})), {}, {}
         select g.pair, c.pair,
                case when g.pair is null then c.other_side when c.pair is null then g.other_side else c.both_sides end,
                {}, {} from gone g full join came c on {} and g.pair = c.pair
         order by {}",
        side("old"),
        side("new"),
        equal(same, "a", "b"),
        only("gone", "old", "new"),
        only("came", "new", "old"),
        pick("g"),
        pick("c"),
        equal(&wanted.key, "g", "c"),
        same.iter().map(|c| format!("coalesce(c.{c}, g.{c})")).collect::<Vec<_>>().join(", "),
    );
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params![before, after])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let half = |side: usize| -> Result<Option<Map<String, Value>>, StoreError> {
            if row.get::<_, Option<i64>>(side)?.is_none() {
                return Ok(None);
            }
            let start = 3 + side * columns.len();
            let cells = columns.iter().enumerate().map(|(n, c)| Ok(((*c).to_owned(), json(row.get_ref(start + n)?))));
            cells.collect::<Result<Map<_, _>, StoreError>>().map(Some)
        };
        rows.push(RowDiff { before: half(0)?, after: half(1)?, beside: row.get(2)? });
    }
    Ok(rows)
}
