//! Certificates that servers show: when they end is written in them, so that nothing has to be foreseen. What the past
//! tells is how long before its end one is usually renewed.

use jiff::{SignedDuration, Timestamp};

use super::{
    Ahead, Kind, Outlook, Seen, State,
    things::{Reader, state},
};
use crate::{
    analysis::forecast::{
        Crossing, Reached,
        words::{self, Saying},
    },
    metrics::Metric,
    store::{Point, SeriesRow, StoreError},
    words::{count, days_between, harmless},
};

pub(super) const METRIC: &str = "tls.certificate.days_left";
/// One that has so many days more than the day before was renewed.
const RENEWED: f64 = 2.0;
/// One is late when it has less days left than at any renewal before, by this part of them.
const LATE: f64 = 0.1;
/// The most certificates.
const MOST: usize = 200;

/// The outlooks of all certificates, in no order.
pub(super) fn outlooks(reader: &Reader<'_>) -> Result<Vec<Outlook>, StoreError> {
    let alive = reader.alive(METRIC);
    if alive.is_empty() {
        return Ok(vec![]);
    }
    // Of the last value the hour is wanted, not only the day.
    let hours = reader.hours(METRIC)?;
    let last = |series: &SeriesRow| hours.iter().find(|(of, _)| of == series).and_then(|(_, points)| points.last());
    let told = alive.iter().filter_map(|a| outlook(reader, a.metric, a.series, a.points, last(a.series)?));
    Ok(told.take(MOST).collect())
}

fn outlook(
    reader: &Reader<'_>,
    metric: &Metric,
    series: &SeriesRow,
    points: &[Point],
    last: &Point,
) -> Option<Outlook> {
    let end = after(last.at, last.last)?;
    let left = days_between(reader.now, end);
    let found = Ok(if end <= reader.now {
        Crossing::Already
    } else {
        Crossing::Reached(Reached { around: end, early: end, late: Some(end) })
    });
    let target = harmless(series.labels.get("target").map_or("", String::as_str));
    let what = format!("The certificate of {target}");
    let saying = Saying { subject: &what, reach: "end", reached: "has ended", rests: "does not end" };
    let mut says = words::crossing(&found, saying, reader.now, reader.zone);
    let (mut state, _) = state(&found, reader.now);
    let usual = renewals(points).into_iter().reduce(f64::min);
    if let Some(usual) = usual.filter(|_| state == State::Foretold) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days, not below 0")]
        let days = count(usual.round().max(0.0) as usize, "day", "days");
        if left < usual - (LATE * usual).max(1.0) {
            state = State::Late;
            says.push_str(&format!(" So far a new one came {days} before the end, so it is late now."));
        } else {
            state = State::Later;
            says.push_str(&format!(" So far a new one came {days} before the end."));
        }
    }
    Some(Outlook {
        kind: Kind::Certificate,
        what,
        metric: metric.name.to_owned(),
        labels: series.labels.clone(),
        unit: metric.unit.to_owned(),
        now: left,
        limit: Some(0.0),
        state,
        at: Some(end),
        earliest: Some(end),
        latest: Some(end),
        days_left: Some(left),
        says,
        trust: None,
        history: points.iter().map(|point| Seen { at: point.at, value: point.mean }).collect(),
        forecast: [(reader.now, left), (end, 0.0)]
            .into_iter()
            .filter(|_| left > 0.0)
            .map(|(at, value)| Ahead { at, low: value, value, high: value })
            .collect(),
    })
}

/// How many days were left each time that one was renewed.
fn renewals(points: &[Point]) -> Vec<f64> {
    let pairs = points.iter().zip(points.iter().skip(1));
    pairs.filter(|(before, after)| after.last > before.last + RENEWED).map(|(before, _)| before.min).collect()
}

fn after(at: Timestamp, days: f64) -> Option<Timestamp> {
    let span = SignedDuration::try_from_secs_f64(days * 86_400.0).ok()?;
    at.checked_add(span).ok()
}
