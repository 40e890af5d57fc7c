//! What may be fixed without asking, as a machine's settings say: nothing, unless they say so. Which problems, how much
//! risk, when, and how many a day; and no more after a fix that did not help.

use jiff::{Timestamp, ToSpan as _, civil::Weekday, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::plan::{Plan, PlannedFix};
use crate::{
    checks::{Catalogue, Safety, Severity},
    store::{FixRun, StepState},
};

/// The section `[autofix]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether anything is fixed at all.
    pub enabled: bool,
    /// Checks that may be fixed, by id.
    pub checks: Vec<String>,
    /// Areas whose checks may be fixed.
    pub groups: Vec<String>,
    /// Checks that may not, whatever else is said.
    pub except: Vec<String>,
    /// How bad a problem must be to be fixed.
    pub min_severity: Severity,
    /// The most that a fix may risk: `safe`, or `guarded` for what could lock someone out and takes itself back.
    pub max_risk: Risk,
    /// When: `sat 02:00-05:00`, `mon-fri 22:30-23:30`, `daily 03:00-04:00`; always where there is none. In local time.
    pub windows: Vec<Window>,
    /// The most fixes in 24 hours.
    pub per_day: usize,
    /// Whether nothing more is fixed after a fix that failed or did not help, until a person has looked: has done a run
    /// of fixes, or taken that one back.
    pub stop_after_failure: bool,
}

impl Policy {
    /// All that can break nothing, within the limits of these settings.
    #[must_use]
    pub fn safe(&self, catalogue: &Catalogue) -> Self {
        Policy {
            enabled: true,
            groups: catalogue.groups().iter().map(|g| g.id.clone()).collect(),
            max_risk: Risk::Safe,
            ..self.clone()
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            enabled: false,
            checks: Vec::new(),
            groups: Vec::new(),
            except: Vec::new(),
            min_severity: Severity::Info,
            max_risk: Risk::Safe,
            windows: Vec::new(),
            per_day: 5,
            stop_after_failure: true,
        }
    }
}

/// The most that a fix may risk. What needs a person is never done without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// It breaks and interrupts nothing.
    Safe,
    /// It could lock someone out, and takes itself back then.
    Guarded,
}

/// A time of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    days: Vec<Weekday>,
    /// Minutes after midnight: from, and until; where that is not later, until the next day.
    from: u32,
    until: u32,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const DAY_MINUTES: u32 = 24 * 60;

impl Window {
    /// Reads `sat 02:00-05:00`.
    ///
    /// # Errors
    /// What is wrong, as a sentence for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time: write it as in `sat 02:00-05:00` or `mon-fri 22:00-06:00`");
        let lower = text.trim().to_lowercase();
        let (days, hours) = lower.split_once(char::is_whitespace).ok_or_else(wrong)?;
        let place = |name: &str| DAYS.iter().position(|(short, _)| *short == name.trim()).ok_or_else(wrong);
        let mut found: Vec<Weekday> = Vec::new();
        for part in days.split(',') {
            let (first, last) = match part.split_once('-') {
                _ if part == "daily" => (0, 6),
                Some((first, last)) => (place(first)?, place(last)?),
                None => (place(part)?, place(part)?),
            };
            let count = (last + 7 - first) % 7 + 1;
            found.extend(DAYS.iter().cycle().skip(first).take(count).map(|(_, day)| *day));
        }
        let minutes = |time: &str| {
            let (hour, minute) = time.trim().split_once(':').ok_or_else(wrong)?;
            let (hour, minute): (u32, u32) = (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
            let all = hour * 60 + minute;
            if hour > 24 || minute > 59 || all > DAY_MINUTES { Err(wrong()) } else { Ok(all) }
        };
        let (from, until) = hours.split_once('-').ok_or_else(wrong)?;
        Ok(Window { days: found, from: minutes(from)?, until: minutes(until)? })
    }

    /// Whether a moment lies in it.
    pub fn has(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let local = zone.to_datetime(now);
        let minute = u32::try_from(local.hour()).unwrap_or(0) * 60 + u32::try_from(local.minute()).unwrap_or(0);
        let (today, yesterday) = (local.weekday(), local.weekday().previous());
        let on = |day: Weekday| self.days.contains(&day);
        if self.from < self.until {
            on(today) && (self.from..self.until).contains(&minute)
        } else {
            // Over midnight it belongs to the day on which it began.
            on(today) && minute >= self.from || on(yesterday) && minute < self.until
        }
    }

    /// Whether a moment lies in one of these; in any, where there are none.
    pub fn one_has(windows: &[Window], now: Timestamp, zone: &TimeZone) -> bool {
        windows.is_empty() || windows.iter().any(|window| window.has(now, zone))
    }

    fn told(&self) -> String {
        let days: Vec<&str> =
            self.days.iter().filter_map(|day| DAYS.iter().find(|(_, d)| d == day)).map(|(name, _)| *name).collect();
        let time = |m: u32| format!("{:02}:{:02}", m / 60, m % 60);
        format!("{} {}-{}", days.join(","), time(self.from), time(self.until))
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.told())
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Window::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Window {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Window".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "time of the week" })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// A moment, where.
#[derive(Debug, Clone)]
pub struct Now {
    /// The moment.
    pub at: Timestamp,
    /// Where the machine stands: windows are in its time.
    pub zone: TimeZone,
}

/// For each fix of a plan, in its order: the check, and why it is not done; none where it is.
///
/// `past` are the runs of this root, whoever asked for them.
pub fn allowed(
    policy: &Policy,
    plan: &Plan,
    catalogue: &Catalogue,
    now: &Now,
    past: &[FixRun],
) -> Vec<(String, Option<String>)> {
    let hindered = hindered(policy, now, past);
    let mut room = policy.per_day.saturating_sub(done_today(now.at, past));
    let mut decide = |fix: &PlannedFix| {
        if let Some(why) = hindered.clone().or_else(|| unwanted(policy, fix, catalogue)) {
            return Some(why);
        }
        if room == 0 {
            return Some(format!("{} fixes in 24 hours are the most that may be done.", policy.per_day));
        }
        room -= 1;
        None
    };
    plan.fixes.iter().map(|fix| (fix.check.clone(), decide(fix))).collect()
}

/// Why nothing at all is fixed.
fn hindered(policy: &Policy, now: &Now, past: &[FixRun]) -> Option<String> {
    if !policy.enabled {
        return Some("Nothing is fixed without being asked for: [autofix] is off.".to_owned());
    }
    if !Window::one_has(&policy.windows, now.at, &now.zone) {
        let windows: Vec<String> = policy.windows.iter().map(Window::told).collect();
        return Some(format!("It is not the time for it: {}.", windows.join(" or ")));
    }
    let newest = past.iter().max_by_key(|run| run.id)?;
    if newest.confirm_until.is_some() {
        return Some(format!("Run {} still waits to be confirmed.", newest.id));
    }
    stopped(policy, past)
}

/// Why nothing more is fixed until a person has looked: the last run holds a fix that did not help.
pub fn stopped(policy: &Policy, past: &[FixRun]) -> Option<String> {
    if !policy.enabled || !policy.stop_after_failure {
        return None;
    }
    let newest = past.iter().max_by_key(|run| run.id)?;
    let bad = |state: StepState| matches!(state, StepState::Failed | StepState::StillOpen | StepState::Undoing);
    let step = newest.steps.iter().find(|s| bad(s.state))?;
    Some(format!("The fix of {} in run {} did not help, so a person must look first.", step.check, newest.id))
}

/// How many fixes were done in the last 24 hours, those that were taken back since among them.
fn done_today(now: Timestamp, past: &[FixRun]) -> usize {
    // A clock that was wrong must not open the door: what seems to come later counts too.
    let Ok(since) = now.checked_sub(24.hours()) else { return usize::MAX };
    let did = |state: StepState| !matches!(state, StepState::Refused);
    let runs = past.iter().filter(|run| run.started >= since);
    runs.flat_map(|run| &run.steps).filter(|step| did(step.state)).count()
}

/// Why one fix is not done.
fn unwanted(policy: &Policy, fix: &PlannedFix, catalogue: &Catalogue) -> Option<String> {
    if let Some(why) = fix.why_not() {
        return Some(why);
    }
    if fix.changes.is_empty() {
        return Some("There is nothing that it could change.".to_owned());
    }
    let group = catalogue.get(&fix.check).map_or("", |check| check.group.as_str());
    let named = policy.checks.contains(&fix.check) || policy.groups.iter().any(|g| g == group);
    if policy.except.contains(&fix.check) {
        return Some("It is among the exceptions.".to_owned());
    }
    if !named {
        return Some("Neither it nor its area may be fixed without being asked for.".to_owned());
    }
    if fix.severity < policy.min_severity {
        return Some("It is not bad enough.".to_owned());
    }
    match (fix.safety, policy.max_risk) {
        (Safety::Manual, _) => Some("It needs a decision that only a person can take.".to_owned()),
        (Safety::Guarded, Risk::Safe) => Some("It could lock someone out, and only safe fixes may be done.".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixes::{
            change::{Change, Run},
            tests::a_run,
        },
        store::{FixStep, RunState},
    };

    fn at(text: &str) -> Now {
        Now { at: text.parse().unwrap(), zone: TimeZone::UTC }
    }

    /// A Saturday.
    fn saturday() -> Now {
        at("2026-01-17T03:00:00Z")
    }

    fn fix(check: &str, safety: Safety) -> PlannedFix {
        PlannedFix {
            actions: Vec::new(),
            check: check.to_owned(),
            problem: String::new(),
            title: String::new(),
            severity: Severity::High,
            points: String::new(),
            minutes: 1,
            safety,
            effect: None,
            changes: vec![Change::Run(Run::new("x", &["/bin/true"]))],
            refused: None,
            left: Vec::new(),
            asks: None,
            place: 0,
        }
    }

    fn past(id: i64, started: &str, states: &[StepState]) -> FixRun {
        let step = |(n, state): (i64, &StepState)| FixStep {
            n,
            check: format!("c{n}"),
            title: String::new(),
            state: *state,
            why: None,
        };
        FixRun {
            id,
            started: started.parse().unwrap(),
            state: RunState::Done,
            steps: (1..).zip(states).map(step).collect(),
            ..a_run("/")
        }
    }

    fn on() -> Policy {
        Policy { enabled: true, checks: ["a", "b", "ssh-root-login"].map(str::to_owned).into(), ..Policy::default() }
    }

    fn decided(policy: &Policy, fixes: Vec<PlannedFix>, now: &Now, past: &[FixRun]) -> Vec<Option<String>> {
        let catalogue = Catalogue::builtin().unwrap();
        allowed(policy, &Plan { fixes }, &catalogue, now, past).into_iter().map(|(_, why)| why).collect()
    }

    fn says(why: &Option<String>, part: &str) -> bool {
        why.as_ref().is_some_and(|why| why.contains(part))
    }

    #[test]
    fn it_is_off_until_someone_turns_it_on() {
        let policy: Policy = toml::from_str("").unwrap();
        assert_eq!(policy, Policy::default());
        assert!(says(&decided(&policy, vec![fix("a", Safety::Safe)], &saturday(), &[])[0], "is off"));
        // On alone allows nothing yet.
        let policy: Policy = toml::from_str("enabled = true").unwrap();
        assert!(says(&decided(&policy, vec![fix("a", Safety::Safe)], &saturday(), &[])[0], "Neither it"));
        assert!(toml::from_str::<Policy>("enable = true").is_err());
    }

    #[test]
    fn only_what_is_named_and_no_more_risk_than_is_said() {
        let fixes = || {
            vec![fix("a", Safety::Safe), fix("b", Safety::Guarded), fix("c", Safety::Safe), fix("a", Safety::Manual)]
        };
        let why = decided(&on(), fixes(), &saturday(), &[]);
        assert!(why[0].is_none() && says(&why[1], "lock someone out") && says(&why[2], "Neither it"), "{why:?}");
        assert!(says(&why[3], "only a person"));
        let guarded = Policy { max_risk: Risk::Guarded, except: vec!["a".to_owned()], ..on() };
        let why = decided(&guarded, fixes(), &saturday(), &[]);
        assert!(says(&why[0], "exceptions") && why[1].is_none(), "{why:?}");
        let group = Policy { checks: Vec::new(), groups: vec!["remote-access".to_owned()], ..on() };
        let why = decided(&group, vec![fix("ssh-root-login", Safety::Safe), fix("a", Safety::Safe)], &saturday(), &[]);
        assert!(why[0].is_none() && why[1].is_some(), "{why:?}");
        let bad = Policy { min_severity: Severity::Critical, ..on() };
        assert!(says(&decided(&bad, vec![fix("a", Safety::Safe)], &saturday(), &[])[0], "bad enough"));
    }

    #[test]
    fn windows_are_read_and_go_over_midnight() {
        let zone = TimeZone::UTC;
        let inside = |window: &str, now: &str| Window::parse(window).unwrap().has(now.parse().unwrap(), &zone);
        assert!(inside("sat 02:00-05:00", "2026-01-17T02:00:00Z") && inside("sat 02:00-05:00", "2026-01-17T04:59:59Z"));
        assert!(
            !inside("sat 02:00-05:00", "2026-01-17T05:00:00Z") && !inside("sat 02:00-05:00", "2026-01-18T03:00:00Z")
        );
        assert!(inside("Fri 22:00-06:00", "2026-01-16T23:00:00Z") && inside("fri 22:00-06:00", "2026-01-17T05:00:00Z"));
        assert!(!inside("fri 22:00-06:00", "2026-01-16T05:00:00Z"));
        assert!(
            inside("fri-mon 00:00-24:00", "2026-01-18T23:59:00Z")
                && !inside("fri-mon 00:00-24:00", "2026-01-20T01:00:00Z")
        );
        assert!(
            inside("daily 03:00-04:00", "2026-01-14T03:30:00Z") && inside("sun,sat 1:00-2:00", "2026-01-17T01:00:00Z")
        );
        for bad in
            ["", "sat", "sat 2-5", "caturday 02:00-05:00", "sat 25:00-26:00", "sat 24:30-05:00", "sat 02:60-03:00"]
        {
            assert!(Window::parse(bad).is_err(), "{bad}");
        }
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert!(Window::parse("sat 02:00-03:00").unwrap().has("2026-01-17T01:30:00Z".parse().unwrap(), &berlin));
        let policy: Policy = toml::from_str("enabled = true\nwindows = ['sat 02:00-05:00']").unwrap();
        assert_eq!(toml::from_str::<Policy>(&toml::to_string(&policy).unwrap()).unwrap(), policy);
        let policy = Policy { windows: policy.windows, ..on() };
        assert!(decided(&policy, vec![fix("a", Safety::Safe)], &saturday(), &[])[0].is_none());
        let monday = at("2026-01-19T03:00:00Z");
        let why = decided(&policy, vec![fix("a", Safety::Safe)], &monday, &[]);
        assert_eq!(why[0].as_deref(), Some("It is not the time for it: sat 02:00-05:00."));
    }

    #[test]
    fn so_many_a_day_and_no_more() {
        let policy = Policy { per_day: 3, ..on() };
        let fixes = || vec![fix("a", Safety::Safe), fix("b", Safety::Safe)];
        let done = past(1, "2026-01-16T12:00:00Z", &[StepState::Fixed, StepState::Undone, StepState::Refused]);
        let why = decided(&policy, fixes(), &saturday(), std::slice::from_ref(&done));
        assert!(why[0].is_none() && says(&why[1], "3 fixes in 24 hours"), "{why:?}");
        let old = past(1, "2026-01-15T02:00:00Z", &[StepState::Fixed; 3]);
        assert!(decided(&policy, fixes(), &saturday(), &[old]).iter().all(Option::is_none));
        // A clock that was wrong.
        let future = past(1, "2027-01-15T02:00:00Z", &[StepState::Fixed; 3]);
        assert!(decided(&policy, fixes(), &saturday(), &[future]).iter().all(Option::is_some));
    }

    #[test]
    fn after_a_fix_that_did_not_help_a_person_must_look() {
        let one = || vec![fix("a", Safety::Safe)];
        let bad = past(1, "2026-01-10T02:00:00Z", &[StepState::Fixed, StepState::StillOpen]);
        let why = decided(&on(), one(), &saturday(), std::slice::from_ref(&bad));
        assert_eq!(why[0].as_deref(), Some("The fix of c2 in run 1 did not help, so a person must look first."));
        assert!(
            decided(&Policy { stop_after_failure: false, ..on() }, one(), &saturday(), std::slice::from_ref(&bad))[0]
                .is_none()
        );
        let looked = past(2, "2026-01-11T02:00:00Z", &[StepState::Fixed]);
        assert!(decided(&on(), one(), &saturday(), &[looked, bad])[0].is_none());
        let waiting =
            FixRun { confirm_until: Some(saturday().at), ..past(3, "2026-01-11T02:00:00Z", &[StepState::Fixed]) };
        assert!(says(&decided(&on(), one(), &saturday(), &[waiting])[0], "waits to be confirmed"));
    }
}
