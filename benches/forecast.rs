//! How good the forecasts are: against plain ones on recorded series, and on made-up disks of which the day is known on
//! which they are full. Run by `benches/forecast.sh`.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, clippy::unwrap_used, reason = "a bench prints its figures")]

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use augurs_core::{Fit as _, Predict as _};
use augurs_ets::AutoETS;
use augurs_mstl::MSTLModel;
use cleanbill::analysis::forecast::{
    Crossing, Forecast, Grid, Limit, Method, Point, Range, Side, Silence, Step, crossing, forecast, foresee,
};
use jiff::Timestamp;

/// Two days ahead, in hours.
const AHEAD: usize = 48;
/// The season by which errors are scaled.
const DAY: usize = 24;

fn main() {
    match env::var("CLEANBILL_NAB") {
        Ok(folder) => recorded(Path::new(&folder)),
        Err(_) => println!("CLEANBILL_NAB names no folder with recorded series: they are left out\n"),
    }
    made_up();
    speed();
}

/// A way to foresee `AHEAD` hours from what was until now.
type Peer = (&'static str, fn(&[f64]) -> Vec<f64>);

const PEERS: [Peer; 6] = [
    ("seas.naive", seasonal_naive),
    ("ETS", ets),
    ("MSTL+ETS", mstl_ets),
    ("line 1 d", |past| line(past, DAY)),
    ("line 7 d", |past| line(past, 7 * DAY)),
    ("line all", |past| line(past, past.len())),
];

/// Means over the origins of one series.
#[derive(Default)]
struct Means {
    origins: usize,
    ours: f64,
    peers: [f64; PEERS.len()],
    covered: f64,
    /// How wide the interval is, in the unit of the errors.
    width: f64,
    said: usize,
    ours_said: f64,
    covered_said: f64,
}

fn recorded(folder: &Path) {
    println!(
        "Hourly means, {AHEAD} hours ahead, from every hour of the second half of each series; all that was before is known\n\
         (what is not there is filled from its past for the peers). Errors are mean absolute errors divided by that of the\n\
         seasonal naive forecast (m = {DAY}) on the part that was known (MASE). `in 80 %`: how much of what came lay in the\n\
         80 % interval, and how wide that is in the same unit. `said`: how often the verdict is to speak; MASE and coverage\n\
         then. ETS and MSTL are those of the crate augurs; the lines are least squares, as in predict_linear.\n"
    );
    print!("{:<38} {:>7} {:>8}", "series", "origins", "ours");
    PEERS.iter().for_each(|(name, _)| print!(" {name:>10}"));
    println!(" {:>8} {:>6} {:>6} {:>6} {:>7}", "in 80 %", "width", "said", "MASE", "in 80 %");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
    files.sort();
    let all: Vec<Means> = files
        .iter()
        .map(|file| {
            let means = series(&hourly(file));
            row(&file.file_stem().unwrap().to_string_lossy(), &means);
            means
        })
        .collect();
    let mean = |of: &dyn Fn(&Means) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    let sum = |of: &dyn Fn(&Means) -> f64| all.iter().map(of).sum::<f64>();
    // As if each series had a thousand origins; what was said counts as often as it was.
    let origins = 1000;
    let thousand = |of: &dyn Fn(&Means) -> f64| 1000.0 * mean(&|m| of(m) / m.origins as f64);
    let said = thousand(&|m| m.said as f64).round();
    let part = said / sum(&|m| m.said as f64);
    let total = Means {
        origins,
        ours: thousand(&|m| m.ours),
        peers: std::array::from_fn(|n| thousand(&|m| m.peers[n])),
        covered: thousand(&|m| m.covered),
        width: thousand(&|m| m.width),
        said: (0..origins).take_while(|n| (*n as f64) < said).count(),
        ours_said: part * sum(&|m| m.ours_said),
        covered_said: part * sum(&|m| m.covered_said),
    };
    row("mean of the series", &total);
    println!();
}

fn row(name: &str, m: &Means) {
    let n = m.origins as f64;
    print!("{:<38} {:>7} {:>8.3}", name.chars().take(38).collect::<String>(), m.origins, m.ours / n);
    m.peers.iter().for_each(|peer| print!(" {:>10.3}", peer / n));
    let said = m.said as f64;
    print!(" {:>7.1}% {:>6.2} {:>5.0}%", 100.0 * m.covered / n, m.width / n, 100.0 * said / n);
    if m.said == 0 {
        return println!();
    }
    println!(" {:>6.3} {:>6.1}%", m.ours_said / said, 100.0 * m.covered_said / said);
}

fn series(values: &[f64]) -> Means {
    let mut means = Means::default();
    for origin in values.len() / 2..=values.len().saturating_sub(AHEAD) {
        let known = &values[..origin];
        let came: Vec<(usize, f64)> =
            values[origin..origin + AHEAD].iter().copied().enumerate().filter(|(_, v)| v.is_finite()).collect();
        let scale = scale(known);
        if scale.is_nan() || scale <= 0.0 || came.is_empty() {
            continue;
        }
        let points = points(known);
        let grid = Grid::new(&points, Step::Hour);
        // The last hours may not be there.
        let late = origin - grid.len() - usize::try_from(grid.first()).unwrap();
        let ours = foresee(&grid, Step::Hour, AHEAD + late, Range::AMOUNT).unwrap();
        let past = filled(known);
        let mean = |of: &dyn Fn(usize, f64) -> f64| {
            came.iter().map(|(n, came)| of(*n, *came)).sum::<f64>() / came.len() as f64
        };
        let error = |path: &[f64]| mean(&|n, came| (path[n] - came).abs() / scale);
        let (low, high) = (&ours.low[late..], &ours.high[late..]);
        let covered = mean(&|n, came| {
            let hair = came.abs() * 1e-9;
            f64::from(u8::from(came >= low[n] - hair && came <= high[n] + hair))
        });
        let ours_error = error(&ours.median[late..]);
        means.origins += 1;
        means.ours += ours_error;
        means.covered += covered;
        means.width += mean(&|n, _| (high[n] - low[n]) / scale);
        for (sum, (_, peer)) in means.peers.iter_mut().zip(PEERS) {
            *sum += error(&peer(&past));
        }
        if forecast(&points, Step::Hour, AHEAD + late, Range::AMOUNT).is_ok() {
            means.said += 1;
            means.ours_said += ours_error;
            means.covered_said += covered;
        }
    }
    means
}

/// The mean absolute error of the seasonal naive forecast.
fn scale(values: &[f64]) -> f64 {
    let errors: Vec<f64> =
        values.iter().zip(values.iter().skip(DAY)).map(|(a, b)| (a - b).abs()).filter(|e| e.is_finite()).collect();
    errors.iter().sum::<f64>() / errors.len() as f64
}

/// Means of hours from a file with `timestamp,value`; no number where there is nothing.
fn hourly(file: &Path) -> Vec<f64> {
    let text = fs::read_to_string(file).unwrap();
    let read = |line: &str| {
        let (time, value) = line.split_once(',')?;
        let time: Timestamp = format!("{}Z", time.trim().replace(' ', "T")).parse().ok()?;
        Some((time.as_second().div_euclid(3600), value.trim().parse::<f64>().ok()?))
    };
    let rows: Vec<(i64, f64)> = text.lines().skip(1).filter_map(read).collect();
    let first = rows.iter().map(|(hour, _)| *hour).min().unwrap();
    let last = rows.iter().map(|(hour, _)| *hour).max().unwrap();
    let mut sums = vec![(0.0, 0.0); usize::try_from(last - first).unwrap() + 1];
    for (hour, value) in rows {
        let cell = &mut sums[usize::try_from(hour - first).unwrap()];
        *cell = (cell.0 + value, cell.1 + 1.0);
    }
    sums.iter().map(|(sum, count)| sum / count).collect()
}

fn points(values: &[f64]) -> Vec<Point> {
    let of = |(hour, value): (i64, &f64)| Point { at: Timestamp::from_second(hour * 3600).unwrap(), value: *value };
    (0_i64..).zip(values).map(of).filter(|point| point.value.is_finite()).collect()
}

/// The peers know no gaps: the hour before stands for what is not there.
fn filled(values: &[f64]) -> Vec<f64> {
    let mut last = values.iter().copied().find(|v| v.is_finite()).unwrap_or(0.0);
    values
        .iter()
        .map(|v| {
            if v.is_finite() {
                last = *v;
            }
            last
        })
        .collect()
}

fn seasonal_naive(past: &[f64]) -> Vec<f64> {
    past[past.len().saturating_sub(DAY)..].iter().copied().cycle().take(AHEAD).collect()
}

fn line(past: &[f64], steps: usize) -> Vec<f64> {
    let window = &past[past.len().saturating_sub(steps)..];
    let count = window.len() as f64;
    let (x, y) = ((count - 1.0) / 2.0, window.iter().sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (n, value) in window.iter().enumerate() {
        above += (n as f64 - x) * (value - y);
        below += (n as f64 - x).powi(2);
    }
    let slope = if below > 0.0 { above / below } else { 0.0 };
    (0..AHEAD).map(|ahead| y + slope * (count + ahead as f64 - x)).collect()
}

fn ets(past: &[f64]) -> Vec<f64> {
    let fit = AutoETS::new(1, "ZZN").unwrap().fit(past).ok().and_then(|fit| fit.predict(AHEAD, None).ok());
    sound(fit.map(|forecast| forecast.point), past)
}

fn mstl_ets(past: &[f64]) -> Vec<f64> {
    let model = MSTLModel::new(vec![DAY], AutoETS::new(1, "ZZN").unwrap().into_trend_model());
    let fit = model.fit(past).ok().and_then(|fit| fit.predict(AHEAD, None).ok());
    sound(fit.map(|forecast| forecast.point), past)
}

/// The last value where a peer says nothing.
fn sound(path: Option<Vec<f64>>, past: &[f64]) -> Vec<f64> {
    path.filter(|path| path.iter().all(|v| v.is_finite())).unwrap_or_else(|| vec![past[past.len() - 1]; AHEAD])
}

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + (high - low) * ((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform(0.0, 1.0)).sum::<f64>() - 6.0
    }
}

/// A made-up disk: how full it is on each day, `history` days of it known.
struct Disk {
    days: Vec<f64>,
    history: usize,
}

/// What a disk does: from a pace (the share of it that fills in a day), the days that are known and all days.
type Life = fn(&mut Chance, f64, usize, usize) -> Vec<f64>;

const LIVES: [(&str, bool, Life); 10] = [
    ("line", true, |chance, pace, _, days| noisy(chance, pace, days, |_, line| line)),
    ("line and a week", true, |chance, pace, _, days| {
        let swing = chance.uniform(1.0, 6.0) * pace;
        noisy(chance, pace, days, move |day, line| line + swing * (day as f64 * std::f64::consts::TAU / 7.0).sin())
    }),
    ("line, one clean-up", true, |chance, pace, known, days| {
        let (at, size) = (within(chance, known), chance.uniform(10.0, 40.0) * pace);
        noisy(chance, pace, days, move |day, line| if day as f64 > at { line - size } else { line })
    }),
    ("line, a big file, a clean-up", true, |chance, pace, known, days| {
        let (a, b, size) = (within(chance, known), within(chance, known), chance.uniform(10.0, 40.0) * pace);
        noisy(chance, pace, days, move |day, line| {
            line + if day as f64 > a { size } else { 0.0 } - if day as f64 > b { size } else { 0.0 }
        })
    }),
    ("growth by chance", true, |chance, pace, _, days| sum((0..days).map(|_| pace * (1.0 + 1.5 * chance.normal())))),
    ("growth, more on workdays", true, |chance, pace, _, days| {
        sum((0..days).map(|day| if day % 7 < 5 { 1.4 * pace * (1.0 + 0.5 * chance.normal()) } else { 0.0 }))
    }),
    ("line twice as steep at the end", true, |chance, pace, known, days| {
        let bend = within(chance, known);
        noisy(chance, pace, days, move |day, line| line - pace * 0.5 * (day as f64).min(bend))
    }),
    ("saw, freed every 10 days", false, |chance, pace, _, days| {
        noisy(chance, 0.0, days, move |day, _| 4.0 * pace * (day % 10) as f64)
    }),
    ("saw, freed now and then", false, |chance, pace, _, days| {
        let mut value = 0.0;
        (0..days)
            .map(|_| {
                value = if chance.uniform(0.0, 1.0) < 0.12 { 0.0 } else { value + 3.0 * pace };
                value
            })
            .collect()
    }),
    ("ups and downs, no trend", false, |chance, pace, _, days| noisy(chance, 0.0, days, move |_, line| line * pace)),
];

/// A day of those that are known, neither of the first nor of the last five.
fn within(chance: &mut Chance, known: usize) -> f64 {
    chance.uniform(5.0, known as f64 - 5.0)
}

fn noisy(chance: &mut Chance, pace: f64, days: usize, shape: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let noise = chance.uniform(0.1, 2.0) * if pace > 0.0 { pace } else { 0.003 };
    (0..days).map(|day| shape(day, pace * day as f64) + noise * chance.normal()).collect()
}

fn sum(changes: impl Iterator<Item = f64>) -> Vec<f64> {
    changes
        .scan(0.0, |sum, change| {
            *sum += change;
            Some(*sum)
        })
        .collect()
}

impl Disk {
    /// Of a life that fills it, it is full between a week and four months after what is known.
    fn new(chance: &mut Chance, life: Life, fills: bool, history: usize) -> Self {
        let pace = 0.003;
        let mut days = life(chance, pace, history, history + 400);
        let known = days[history - 1];
        let left = if fills { chance.uniform(7.0, 120.0) * pace } else { chance.uniform(0.1, 0.4) };
        days.iter_mut().for_each(|day| *day += 1.0 - left - known);
        if !fills {
            // Its highest value stays below.
            let top = days.iter().copied().fold(0.0, f64::max);
            days.iter_mut().for_each(|day| *day += 0.95 - top.max(0.95));
        }
        Disk { days, history }
    }

    fn points(&self) -> Vec<Point> {
        let of = |(day, value): (i64, &f64)| Point {
            at: Timestamp::from_second(day * 86_400 + 43_200).unwrap(),
            value: *value,
        };
        (0_i64..).zip(&self.days[..self.history]).map(of).collect()
    }

    /// The day on which it is full, after what is known.
    fn full(&self) -> Option<usize> {
        self.days.iter().skip(self.history).position(|value| *value >= 1.0)
    }
}

#[derive(Default)]
struct Tally {
    named: usize,
    silent: usize,
    other: usize,
    wrong: usize,
    within: usize,
    errors: Vec<f64>,
    parts: Vec<f64>,
    widths: Vec<f64>,
}

fn made_up() {
    println!(
        "Made-up disks, 300 of each kind: full a week to four months after what is known, or never. `named`: a day was said;\n\
         `silent`: nothing was, for a reason; `not`: said that it does not fill up, or not before a day. `wrong`: it was full before\n\
         the time for which that was said (of those that fill), or a day was named (of those that never do). Of the days\n\
         that were named: the middle error in days and as a part of the time left, how many lay in the interval of 80 %, and\n\
         how many days that spans in the middle.\n"
    );
    println!(
        "{:<32} {:>7} {:>6} {:>6} {:>6} {:>6} {:>7} {:>6} {:>8} {:>6}",
        "", "history", "named", "silent", "not", "wrong", "days", "part", "in 80 %", "span"
    );
    let mut chance = Chance(0x2545_F491_4F6C_DD1D);
    for (name, fills, life) in LIVES {
        for history in [21, 60, 120] {
            let mut tally = Tally::default();
            for _ in 0..300 {
                tally.add(&Disk::new(&mut chance, life, fills, history));
            }
            tally.print(name, history);
        }
    }
    println!();
}

impl Tally {
    fn add(&mut self, disk: &Disk) {
        let day = |at: Timestamp| at.as_second() as f64 / 86_400.0 - disk.history as f64 - 0.5;
        let full = disk.full().map(|day| day as f64);
        match crossing(&disk.points(), Limit { value: 1.0, side: Side::Rising }, Range::SHARE) {
            Ok(Crossing::Reached(reached)) => {
                self.named += 1;
                let Some(full) = full else {
                    self.wrong += 1;
                    return;
                };
                let error = (day(reached.around) - full).abs();
                self.errors.push(error);
                self.parts.push(error / full.max(1.0));
                self.widths.extend(reached.late.map(|late| day(late) - day(reached.early)));
                // Days are named, not hours.
                let within =
                    full >= day(reached.early) - 0.5 && reached.late.is_none_or(|late| full <= day(late) + 0.5);
                self.within += usize::from(within);
            }
            Ok(Crossing::NotBefore { early: until } | Crossing::NotUntil { until, .. }) => {
                self.other += 1;
                self.wrong += usize::from(full.is_some_and(|full| full < day(until) - 0.5));
            }
            Ok(Crossing::Already) => self.wrong += 1,
            Err(_) => self.silent += 1,
        }
    }

    fn print(&mut self, name: &str, history: usize) {
        let middle = |values: &mut Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let percent = |n: usize, all: usize| 100.0 * n as f64 / all as f64;
        let all = 300;
        print!(
            "{name:<32} {history:>7} {:>5.0}% {:>5.0}% {:>5.0}%",
            percent(self.named, all),
            percent(self.silent, all),
            percent(self.other, all)
        );
        print!(" {:>5.1}%", percent(self.wrong, all));
        if self.errors.is_empty() {
            return println!();
        }
        let (error, part, span) = (middle(&mut self.errors), middle(&mut self.parts), middle(&mut self.widths));
        println!(" {error:>7.1} {:>5.0}% {:>7.1}% {span:>6.0}", 100.0 * part, percent(self.within, self.errors.len()));
    }
}

/// What one forecast costs.
fn speed() {
    let mut chance = Chance(88_172_645_463_325_252);
    let hours: Vec<f64> = (0..2160)
        .map(|hour| 50.0 + 20.0 * (f64::from(hour) * std::f64::consts::TAU / 24.0).sin() + 5.0 * chance.normal())
        .collect();
    let points = points(&hours);
    println!("{:<32} {:>9}", "one forecast", "median");
    let ours = || forecast(&points, Step::Hour, AHEAD, Range::AMOUNT).map(|f: Forecast| f.median.len());
    println!("{:<32} {:>9.1?}", "ours, 90 days of hours", median_time(ours));
    println!("{:<32} {:>9.1?}", "ETS (augurs), the same", median_time(|| ets(&hours)));
    println!("{:<32} {:>9.1?}", "MSTL+ETS (augurs), the same", median_time(|| mstl_ets(&hours)));
    let disk = Disk::new(&mut chance, LIVES[1].2, true, 365);
    let days = disk.points();
    let when =
        || -> Result<Crossing, Silence> { crossing(&days, Limit { value: 1.0, side: Side::Rising }, Range::SHARE) };
    println!("{:<32} {:>9.1?}", "ours, the day of a year of days", median_time(when));
    println!("{:<32} {:>9}", "methods that are asked", Method::all(Step::Hour, 2160).len());
}

fn median_time<T>(mut work: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}
