//! One access log: what is new in it is read, counted and told. Its form comes from the settings of the web server, or is
//! worked out from its first lines.

use std::time::Duration;

use super::{
    BYTES, DURATION, REQUESTS, WHAT, declared,
    form::{Form, Line},
    guess,
    times::Times,
};
use crate::{
    facts::{Gap, Reason},
    host::Host,
    metrics::{
        Values,
        follow::{Follow, News},
    },
    probes::web::LogFormat,
    words::harmless,
};

/// Classes of answers.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A log that is followed.
pub(super) struct Log {
    follow: Follow,
    /// The forms that the settings declare, as they stand there.
    declared: Vec<LogFormat>,
    forms: Forms,
    totals: Totals,
    /// When it was told last, by the clock of samples.
    last: Option<Duration>,
}

/// What forms its lines have.
#[derive(Debug, Default)]
struct Forms {
    /// The most telling first.
    all: Vec<Form>,
    /// Whether nothing more is to be learned from lines.
    settled: bool,
    /// Lines from which it is learned.
    sample: Vec<Vec<u8>>,
}

/// What was counted.
#[derive(Debug, Default)]
struct Totals {
    classes: [Total; CLASSES.len()],
    bytes: Total,
}

#[derive(Debug, Default, Clone, Copy)]
struct Total {
    all: u64,
    new: u64,
}

/// What was read this time.
#[derive(Debug, Default)]
struct Read {
    classes: [u64; CLASSES.len()],
    bytes: u64,
    times: Times,
    unknown: u64,
    /// Lines that wait until their form is known, and whether that was seen to.
    waiting: Vec<Vec<u8>>,
    learned: bool,
}

impl Log {
    /// Follows it.
    pub fn new(follow: Follow, declared: Vec<LogFormat>) -> Self {
        let (forms, totals) = (Forms::default(), Totals::default());
        let mut log = Log { follow, declared: Vec::new(), forms, totals, last: None };
        log.declare(declared);
        log
    }

    /// Where it is.
    pub fn path(&self) -> &str {
        self.follow.path()
    }

    /// Takes other forms, where the settings have changed.
    pub fn declare(&mut self, declared: Vec<LogFormat>) {
        if self.declared != declared {
            let mut all: Vec<Form> = declared.iter().filter_map(declared::form).collect();
            all.sort_by_key(|form| std::cmp::Reverse(form.detail()));
            self.forms = Forms { settled: !all.is_empty(), all, sample: Vec::new() };
            self.declared = declared;
        }
    }

    /// Reads what is new, of it about so many bytes at most, and tells it.
    ///
    /// # Errors
    /// When it cannot be read, its lines are not understood, or there is more than is read.
    pub fn read(&mut self, host: &Host, most: u64, buffer: &mut Vec<u8>, values: &mut Values) -> Result<(), Gap> {
        let mut read = Read::default();
        let forms = &mut self.forms;
        let news = self.follow.read(host, most, buffer, &mut |line| read.line(line, forms));
        read.learn(forms);
        let shown = harmless(self.follow.path());
        let news = news.map_err(|error| Gap::new(WHAT, &shown, error.reason()))?;
        let since = self.last.replace(values.now()).unwrap_or_else(|| values.now());
        self.totals.add(&read, news);
        self.totals.tell(&shown, since, values);
        for (statistic, seconds) in read.times.told().into_iter().flatten() {
            values.gauge(&DURATION, &[&shown, statistic], seconds);
        }
        if read.unknown > read.classes.iter().sum() {
            // The next lines may tell.
            self.forms = Forms::default();
            let what = format!("most lines of {shown} have a form that is not known");
            return Err(Gap::new(WHAT, shown, Reason::Broken(what)));
        }
        if news.read < news.new {
            let what = format!(
                "so much was written to {shown} that only one line of {:.0} was read; the rest is estimated",
                news.each().ceil()
            );
            return Err(Gap::new("each answer of web servers", shown, Reason::Broken(what)));
        }
        Ok(())
    }
}

impl Read {
    fn line(&mut self, line: &[u8], forms: &mut Forms) {
        if forms.settled || self.learned {
            return self.known(line, forms);
        }
        self.waiting.push(line.to_vec());
        if self.waiting.len() >= guess::LINES {
            self.learn(forms);
        }
    }

    /// Works out the form from the lines that wait and those before, and reads them. Once each time: lines of which
    /// nothing can be learned cost no more.
    fn learn(&mut self, forms: &mut Forms) {
        let waiting = std::mem::take(&mut self.waiting);
        if !forms.settled && !self.learned && !waiting.is_empty() {
            self.learned = true;
            let room = guess::LINES.saturating_sub(forms.sample.len());
            forms.sample.extend(waiting.iter().take(room).cloned());
            forms.all = guess::form(&forms.sample).into_iter().collect();
            // The time of an answer may show only with more lines.
            forms.settled = forms.sample.len() >= guess::LINES || forms.all.iter().any(Form::has_time);
            if forms.settled {
                forms.sample = Vec::new();
            }
        }
        waiting.iter().for_each(|line| self.known(line, forms));
    }

    fn known(&mut self, line: &[u8], forms: &Forms) {
        let mut best: Option<Line> = None;
        for form in &forms.all {
            match form.read(line) {
                Some((line, true)) => {
                    best = Some(line);
                    break;
                }
                Some((line, false)) => best = best.or(Some(line)),
                None => {}
            }
        }
        let class = best.and_then(|line| self.classes.get_mut(usize::from(line.status / 100).checked_sub(1)?));
        let (Some(line), Some(class)) = (best, class) else {
            self.unknown += 1;
            return;
        };
        *class += 1;
        self.bytes = self.bytes.saturating_add(line.bytes);
        line.seconds.into_iter().for_each(|seconds| self.times.add(seconds));
    }
}

impl Totals {
    /// Adds what was read, which may stand for more.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn add(&mut self, read: &Read, news: News) {
        let each = news.each();
        for (total, new) in self.classes.iter_mut().zip(read.classes) {
            total.add((new as f64 * each).round() as u64);
        }
        self.bytes.add((read.bytes as f64 * each).round() as u64);
    }

    fn tell(&self, path: &str, since: Duration, values: &mut Values) {
        for (class, total) in CLASSES.iter().zip(&self.classes) {
            // Most servers never answer with a number below 200.
            if *class != "1xx" || total.all > 0 {
                values.counted_here(&REQUESTS, &[path, class], total.all, total.new, since);
            }
        }
        values.counted_here(&BYTES, &[path], self.bytes.all, self.bytes.new, since);
    }
}

impl Total {
    fn add(&mut self, new: u64) {
        self.new = new;
        self.all = self.all.saturating_add(new);
    }
}
