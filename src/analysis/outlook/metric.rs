//! What is likely next of any metric, each of its series on its own; and when it reaches a limit, where one is given or
//! known.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Ahead, Kind, Outlook, State,
    things::{self, Alive, PAST, Reader},
};
use crate::{
    analysis::forecast::{self, Forecast, Limit, Point, Range, Side, Silence, Step, words::Saying},
    metrics::{Metric, said},
    store::{Store, StoreError},
    words::harmless,
};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// How the history names the machine, and its name for people.
    pub host: (&'a str, &'a str),
    /// The metric.
    pub metric: &'static Metric,
    /// What labels have to be.
    pub only: &'a [(String, String)],
    /// The value of which is asked when it is reached.
    pub limit: Option<f64>,
    /// How far ahead is looked.
    pub ahead: SignedDuration,
    /// Now, where the reader is.
    pub now: Timestamp,
    /// The time zone of the reader.
    pub zone: &'a TimeZone,
}

/// What is likely next of a metric.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MetricOutlook {
    /// Version of this shape.
    pub schema_version: u32,
    /// Host name.
    pub host: String,
    /// The metric.
    pub metric: String,
    /// What people call it.
    pub title: String,
    /// Its unit, as OpenTelemetry writes it.
    pub unit: String,
    /// When it was asked.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// How far was looked.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// How far the values are apart, in seconds.
    pub step: i64,
    /// The series, the largest first.
    pub series: Vec<Outlook>,
    /// How many more there are.
    pub left_out: usize,
    /// What each is told in.
    #[serde(skip)]
    pub(super) told: &'static Metric,
}

/// The version of the shape.
const SCHEMA_VERSION: u32 = 1;
/// Up to so far ahead hours are looked at, beyond it days.
const HOURS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// So many days of hours are looked at.
const PAST_HOURS: i64 = 60;
/// The most series of which it is told.
const MOST: usize = 40;

/// What is likely next.
///
/// # Errors
/// When the history cannot be read.
pub fn metric(store: &Store, asked: &Asked<'_>) -> Result<MetricOutlook, StoreError> {
    let (step, past) = if asked.ahead <= HOURS { (Step::Hour, PAST_HOURS) } else { (Step::Day, PAST) };
    let (width, when) = ((past, step.seconds() / 3600), (asked.now, asked.zone));
    let reader = Reader::new(store, asked.host.0, when, &[asked.metric.name], width)?;
    let mut alive = reader.alive(asked.metric.name);
    alive.retain(|a| {
        asked.only.iter().all(|(name, value)| a.series.labels.get(name).is_some_and(|label| label == value))
    });
    alive.sort_by(|a, b| b.now.total_cmp(&a.now));
    let left_out = alive.len().saturating_sub(MOST);
    Ok(MetricOutlook {
        schema_version: SCHEMA_VERSION,
        host: asked.host.1.to_owned(),
        metric: asked.metric.name.to_owned(),
        title: asked.metric.title.to_owned(),
        unit: asked.metric.unit.to_owned(),
        now: asked.now,
        until: asked.now.checked_add(asked.ahead).unwrap_or(Timestamp::MAX),
        step: step.seconds(),
        series: alive.iter().take(MOST).map(|alive| one(&reader, asked, alive, step)).collect(),
        left_out,
        told: asked.metric,
    })
}

fn one(reader: &Reader<'_>, asked: &Asked<'_>, alive: &Alive<'_>, step: Step) -> Outlook {
    let history = things::whole(alive.points, asked.now, step);
    let range = range(asked.metric, &history);
    let usual = things::known(asked.metric.name);
    let what = usual.map_or_else(|| name(alive), |thing| (thing.what)(&alive.series.labels));
    let limit = asked.limit.or(usual.map(|thing| thing.limit));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "steps, not below 0")]
    let horizon = (asked.ahead.as_secs() as u64 / step.seconds() as u64).max(1) as usize;
    let Some(value) = limit else {
        return likely(asked, alive, (&history, &what), forecast::forecast(&history, step, horizon, range));
    };
    let side = if value >= alive.now { Side::Rising } else { Side::Falling };
    let limit = Limit { value, side };
    let reach = said::value(asked.metric, value);
    let (to, has, rests) =
        (format!("reach {reach}"), format!("has reached {reach}"), format!("is not on its way to {reach}"));
    let given = Saying { subject: &what, reach: &to, reached: &has, rests: &rests };
    let saying = usual.filter(|_| asked.limit.is_none()).map_or(given, |thing| (thing.words)(&what));
    let (forecast, found) = match step {
        Step::Day => things::foreseen(&history, alive.now, limit, range),
        Step::Hour => hours(&history, alive.now, limit, (horizon, range)),
    };
    reader.told(Kind::Other, (alive, &history), (limit, saying), (forecast, found), (horizon, range))
}

/// When a limit is reached within some days, from hours.
fn hours(
    history: &[Point],
    now: f64,
    limit: Limit,
    (horizon, range): (usize, Range),
) -> (Option<Forecast>, Result<forecast::Crossing, Silence>) {
    if limit.reached(now) {
        return (None, Ok(forecast::Crossing::Already));
    }
    match forecast::forecast(history, Step::Hour, horizon, Range { high: None, ..range }) {
        Ok(forecast) => {
            let found = forecast.crossing(limit);
            (Some(forecast), found)
        }
        Err(silence) => (None, Err(silence)),
    }
}

/// Where it is going, without a limit.
fn likely(
    asked: &Asked<'_>,
    alive: &Alive<'_>,
    (history, what): (&[Point], &str),
    found: Result<Forecast, Silence>,
) -> Outlook {
    let steps: Vec<Ahead> = found.as_ref().map(|forecast| things::steps(forecast).collect()).unwrap_or_default();
    let value = |value: f64| said::value(asked.metric, value);
    let (state, says) = match (&found, steps.last()) {
        (Ok(_), Some(last)) => {
            let moment = asked.zone.to_datetime(last.at);
            let day = moment.strftime(if asked.ahead <= HOURS { "%-d %B at %H:%M" } else { "%-d %B %Y" });
            let (low, high) = (value(last.low), value(last.high));
            let between = if low == high { String::new() } else { format!(" (between {low} and {high})") };
            let says = format!("{what}: around {} on {day}{between}.", value(last.value));
            (State::Likely, says)
        }
        (Ok(_), None) => (State::Likely, format!("{what}: now it is {}.", value(alive.now))),
        (Err(silence), _) => (State::Unsaid { because: silence.to_string() }, things::unsaid(what, *silence)),
    };
    Outlook {
        kind: Kind::Other,
        what: what.to_owned(),
        metric: asked.metric.name.to_owned(),
        labels: alive.series.labels.clone(),
        unit: asked.metric.unit.to_owned(),
        now: alive.now,
        limit: None,
        state,
        at: None,
        earliest: None,
        latest: None,
        days_left: None,
        says,
        trust: found.as_ref().ok().map(things::trust),
        history: things::seen(history),
        forecast: steps,
    }
}

/// `Disk traffic (sda read)`.
fn name(alive: &Alive<'_>) -> String {
    let labels = alive.metric.labels.iter().filter_map(|label| alive.series.labels.get(*label));
    let labels: Vec<String> = labels.map(|label| harmless(label)).collect();
    let title = alive.metric.title;
    if labels.is_empty() { title.to_owned() } else { format!("{title} ({})", labels.join(" ")) }
}

/// What values can come: those of a share from none to all; nothing below nothing where there never was.
fn range(metric: &Metric, history: &[Point]) -> Range {
    let all = |fits: fn(f64) -> bool| history.iter().all(|point| fits(point.value));
    match metric.unit {
        _ if !all(|value| value >= 0.0) => Range::default(),
        "1" if all(|value| value <= 1.0) => Range::SHARE,
        _ => Range::AMOUNT,
    }
}

impl MetricOutlook {
    /// In which unit its values are told.
    pub fn told(&self) -> &'static Metric {
        self.told
    }
}

/// A value as people write it, in the unit of a metric: `90%`, `8GB`, `200ms`, `80`.
pub fn value(metric: &Metric, text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim().trim_end_matches("/s");
    let size = match (metric.unit.trim_end_matches("/s"), unit) {
        (_, "") => 1.0,
        ("1", "%") => 0.01,
        ("By", "B" | "bytes") => 1.0,
        ("By", "K" | "KB" | "kB") => 1e3,
        ("By", "M" | "MB") => 1e6,
        ("By", "G" | "GB") => 1e9,
        ("By", "T" | "TB") => 1e12,
        ("s", "µs" | "us") => 1e-6,
        ("s", "ms") => 1e-3,
        ("s", "s") => 1.0,
        ("s", "min" | "m") => 60.0,
        ("s", "h") => 3600.0,
        ("d", "d" | "days") => 1.0,
        ("Cel", "°C" | "C") => 1.0,
        _ => return None,
    };
    Some(number * size).filter(|value| value.is_finite())
}
