//! What should answer: pages, ports and name servers of the settings, asked at their own pace, and how long it takes them.
//! It is asked as any visitor would; nothing is followed, kept or logged in to.

mod address;
mod answer;
mod ask;
mod dns;
mod http;
mod pace;
mod trust;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;

use self::{
    address::Address,
    answer::{Answer, Failure, Kind as FailureKind},
    ask::Target,
    pace::{News, Pace},
    trust::Trust,
};
use super::{
    Sample, Sampler, Values, With,
    declare::{Kind, counter, metrics},
};
use crate::{
    config,
    facts::{Gap, Reason},
    words::{days_between, harmless, list},
};

metrics! {
    /// Whether a target answered as it should: 1, or else 0.
    UP = "target.up", "Answers", "1", Kind::Gauge, More, 0, by ["target"],
        says ("answers", "does not answer");
    /// How often a target did not answer as it should, by what was wrong: `name_resolution`, `connection`, `timeout`,
    /// `certificate`, `tls`, `protocol`, `status` or `internal`.
    FAILURES = "target.failures", "Failures of targets", "{failure}/s", counter("target.failures", "{failure}"), Less, 5,
        by ["target", "error.type"];
    /// How long a web page took, from looking up its name to its last byte.
    REQUEST = "http.client.request.duration", "Time for a page", "s", Kind::Gauge, Less, 6, by ["target"];
    /// What that time went to: `resolve` its name, `connect`, lock the line (`tls`), wait for the first byte
    /// (`processing`), read the rest (`transfer`).
    PART = "http.client.request.phase.duration", "Parts of the time for a page", "s", Kind::Gauge, Less, 6,
        by ["target", "http.phase"];
    /// The status that a web page answered with.
    STATUS = "http.response.status_code", "Status of a page", "{status}", Kind::Gauge, Neither, 0, by ["target"];
    /// Days until the certificate ends that a server showed; below 0 when it has ended.
    DAYS = "tls.certificate.days_left", "Certificate ends in", "d", Kind::Gauge, More, 2, by ["target"];
    /// Whether the certificate that a server showed is believed: 1, or else 0.
    TRUSTED = "tls.certificate.trusted", "Certificate believed", "1", Kind::Gauge, More, 0, by ["target"],
        says ("is believed", "is not believed");
    /// How long a port took to take a connection.
    CONNECT = "tcp.connect.duration", "Time to connect", "s", Kind::Gauge, Less, 6, by ["target"];
    /// How long a name server took to answer.
    LOOK_UP = "dns.lookup.duration", "Time for a name", "s", Kind::Gauge, Less, 6, by ["target"];
    /// The code that a name server answered with; 0 is right, 3 means that there is no such name.
    CODE = "dns.response.code", "Code of a name server", "{code}", Kind::Gauge, Neither, 0, by ["target"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "targets",
    about: "how long pages, ports and name servers of your choice take to answer",
    metrics: METRICS,
    // It only fetches what has come meanwhile.
    every: super::ALWAYS,
    waits: true,
    start: |with| Ok(Box::new(Targets::new(with)?)),
};

/// The most targets.
pub(crate) const MOST: usize = 200;
/// The longest that all are waited for before the first sample: for someone who wants one sample only.
const FIRST: Duration = Duration::from_secs(25);

/// Whether something can be asked at all.
///
/// # Errors
/// What would be right, as a sentence without its end.
pub(crate) fn address(url: &str) -> Result<Asks, String> {
    let address = Address::parse(url)?;
    Ok(Asks { page: address.is_page(), encrypted: address.is_encrypted() })
}

/// What is asked there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asks {
    /// Whether it is a page, which has a status.
    pub page: bool,
    /// Whether the line is encrypted.
    pub encrypted: bool,
}

struct Targets {
    all: Vec<Known>,
    pace: Pace,
    /// Whether it was asked before, and how long the first answer may take.
    first: Option<Duration>,
}

/// A target and what went wrong with it since the start.
struct Known {
    name: String,
    source: String,
    kind: Asked,
    failures: BTreeMap<FailureKind, u64>,
    /// When it was told last, by the clock of samples.
    last: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Page,
    Port,
    Name,
}

impl Targets {
    fn new(with: &With) -> Result<Self, Gap> {
        let what = "whether targets answer";
        let none = "no targets are in the settings: add [metrics.targets.NAME] with a url";
        let mut trusts: BTreeMap<Option<PathBuf>, Arc<Trust>> = BTreeMap::new();
        let mut targets = Vec::new();
        for (name, set) in with.settings.targets.iter().take(MOST) {
            let trust = trusts.entry(set.ca_file.clone()).or_insert_with(|| Arc::new(Trust::new(set.ca_file.clone())));
            targets.push(target(name, set, trust)?);
        }
        if targets.is_empty() {
            return Err(Gap::new(what, "metrics.targets", Reason::Broken(none.to_owned())));
        }
        let longest = targets.iter().map(|target| target.timeout).max().unwrap_or_default();
        let now = super::since_start();
        let all = targets.iter().map(|target| Known::new(target, now)).collect();
        let pace = Pace::start(targets)
            .map_err(|e| Gap::new(what, "targets", Reason::Tool(format!("no thread can be started: {e}"))))?;
        Ok(Targets { all, pace, first: Some((longest + Duration::from_secs(1)).min(FIRST)) })
    }
}

fn target(name: &str, set: &config::Target, trust: &Arc<Trust>) -> Result<Target, Gap> {
    let source = format!("metrics.targets.{}", harmless(name));
    let address =
        Address::parse(&set.url).map_err(|why| Gap::new("what is to be asked", &source, Reason::Broken(why)))?;
    Ok(Target {
        name: harmless(name),
        address,
        every: set.every.duration().max(Duration::from_secs(1)),
        timeout: set.timeout.duration(),
        status: set.status,
        trust: Arc::clone(trust),
    })
}

impl Known {
    fn new(target: &Target, now: Duration) -> Self {
        let kind = match target.address.asked {
            address::Asked::Page { .. } => Asked::Page,
            address::Asked::Port => Asked::Port,
            address::Asked::Name { .. } => Asked::Name,
        };
        let source = target.address.to_string();
        // The first answer stands for one round.
        let last = now.saturating_sub(target.every);
        Known { name: target.name.clone(), source, kind, failures: BTreeMap::new(), last }
    }

    fn tell(&mut self, news: &News, values: &mut Values, now: Timestamp) {
        let Some(answer) = &news.answer else { return };
        let target = [self.name.as_str()];
        values.gauge(&UP, &target, if answer.failure.is_none() { 1.0 } else { 0.0 });
        let mut seconds = |metric, took: Option<Duration>| {
            took.into_iter().for_each(|took| values.gauge(metric, &target, took.as_secs_f64()));
        };
        match self.kind {
            Asked::Page => seconds(&REQUEST, answer.whole),
            Asked::Port => seconds(&CONNECT, answer.part(answer::Part::Connect)),
            Asked::Name => seconds(&LOOK_UP, answer.name.map(|(took, _)| took)),
        }
        if self.kind == Asked::Page {
            for (part, took) in &answer.parts {
                values.gauge(&PART, &[&self.name, part.name()], took.as_secs_f64());
            }
        }
        answer.status.into_iter().for_each(|status| values.gauge(&STATUS, &target, f64::from(status)));
        answer.name.into_iter().for_each(|(_, code)| values.gauge(&CODE, &target, f64::from(code)));
        if let Some(shown) = answer.certificate {
            shown.ends.into_iter().for_each(|ends| values.gauge(&DAYS, &target, days_between(now, ends)));
            values.gauge(&TRUSTED, &target, if shown.trusted { 1.0 } else { 0.0 });
        }
        for (kind, new) in &news.failures {
            *self.failures.entry(*kind).or_insert(0) += new;
        }
        for (kind, total) in &self.failures {
            let new = news.failures.get(kind).copied().unwrap_or(0);
            values.counted_here(&FAILURES, &[&self.name, kind.name()], *total, new, self.last);
        }
        self.last = values.now();
    }
}

impl Answer {
    fn part(&self, part: answer::Part) -> Option<Duration> {
        self.parts.iter().find(|(one, _)| *one == part).map(|(_, took)| *took)
    }
}

impl Sample for Targets {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        if let Some(most) = self.first.take() {
            self.pace.first(most);
        }
        let now = Timestamp::now();
        let mut wrong: Vec<(&Known, Failure)> = Vec::new();
        for (known, news) in self.all.iter_mut().zip(self.pace.fetch()) {
            known.tell(&news, values, now);
            wrong.extend(news.failure.map(|failure| (&*known, failure)));
        }
        gap(&wrong).map_or(Ok(()), Err)
    }
}

/// The most targets that are told one by one.
const TOLD: usize = 5;

/// What does not answer as it should, in words.
fn gap(wrong: &[(&Known, Failure)]) -> Option<Gap> {
    let (first, failure) = wrong.first()?;
    if wrong.len() == 1 {
        let why = Reason::Broken(format!("it {}", failure.why));
        return Some(Gap::new(format!("that {} works", first.name), &first.source, why));
    }
    let mut names: Vec<String> = wrong.iter().take(TOLD).map(|(known, _)| known.name.clone()).collect();
    let why: Vec<String> =
        wrong.iter().take(TOLD).map(|(known, failure)| format!("{} {}", known.name, failure.why)).collect();
    if wrong.len() > TOLD {
        names.push(format!("{} more", wrong.len() - TOLD));
    }
    let what = format!("that {} work", list(&names));
    Some(Gap::new(what, &first.source, Reason::Broken(why.join("; "))))
}
