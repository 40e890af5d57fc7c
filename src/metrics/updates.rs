//! Updates: how many wait, and how many of them close security holes, as the audit counts them. Nothing is downloaded:
//! what is known is what the machine has downloaded last.

use std::time::Duration;

use super::{
    Sample, Sampler, Values,
    declare::{Kind, metrics},
};
use crate::{
    facts::{Gap, Reason, State},
    host::Host,
    probes::{self, apt},
};

metrics! {
    /// Updates that wait: `security` ones close holes, `held` ones somebody keeps back, `phased` ones are not yet for every
    /// machine, and `other` ones.
    PENDING = "system.updates.pending", "Waiting updates", "{update}", Kind::Gauge, Less, 0, by ["system.update.kind"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "updates",
    about: "how many updates wait",
    metrics: METRICS,
    every: Duration::from_secs(3600),
    waits: true,
    start: |with| Ok(Box::new(Updates::new(&with.host)?)),
};

struct Updates(Host);

const WHAT: &str = "how many updates wait";
const TABLE: &str = "updates";

impl Updates {
    fn new(host: &Host) -> Result<Self, Gap> {
        match apt::is_here(host) {
            true => Ok(Updates(host.clone())),
            false => Err(Gap::new(WHAT, "/etc/apt", Reason::Tool("updates do not come by apt here".to_owned()))),
        }
    }
}

impl Sample for Updates {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        // With the limits of an audit: on a thread that may be left behind.
        let facts = probes::run(&[apt::PROBE], &self.0, |_| {});
        let gap = match facts.state(TABLE) {
            State::Read => None,
            State::Partial(gaps) => gaps.into_iter().next(),
            State::Unread(gaps) => {
                return Err(gaps.into_iter().next().unwrap_or_else(|| Gap::new(WHAT, "apt", Reason::TimedOut)));
            }
            State::Absent(why) => return Err(Gap::new(WHAT, "/etc/apt", Reason::Tool(why))),
            State::NotAsked => return Err(Gap::new(WHAT, "apt", Reason::TimedOut)),
        };
        let mut kinds = ["security", "held", "phased", "other"].map(|kind| (kind, 0_u32));
        for row in facts.rows(TABLE) {
            let is = |column: &str| row.get(column).and_then(serde_json::Value::as_bool).unwrap_or(false);
            let phased = row.get("phased").and_then(serde_json::Value::as_i64).unwrap_or(100);
            let kind = match () {
                () if is("held") => "held",
                () if phased < 100 => "phased",
                () if is("is_security") => "security",
                () => "other",
            };
            kinds.iter_mut().filter(|(name, _)| *name == kind).for_each(|(_, n)| *n += 1);
        }
        for (kind, count) in kinds {
            values.gauge(&PENDING, &[kind], count.into());
        }
        gap.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;
    use crate::metrics::testing::{Tree, read};

    /// The files of a real machine.
    const BOOKWORM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/apt/bookworm");

    #[test]
    fn what_waits_is_what_the_audit_says() {
        let host = Host::fake(Path::new(BOOKWORM), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
        let told = read(&mut Updates::new(&host).unwrap(), &mut Values::default(), 1);
        let of = |kind: &str| told[&format!("system.updates.pending{{{kind}}}")];
        assert_eq!(["security", "held", "phased", "other"].map(of), [5.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_machine_that_knows_of_no_updates_does_not_say_that_there_are_none() {
        let tree = Tree::new(&[("etc/apt/sources.list", "deb http://deb.debian.org/debian bookworm main\n")]);
        let mut values = Values::default();
        let gap = Updates::new(&tree.host()).unwrap().sample(&mut values).unwrap_err();
        assert!(gap.why().contains("status") || gap.why().contains("downloaded"), "{gap:?}");
        assert_eq!(values.values().len(), 0);
        let gap = Updates::new(&Tree::new(&[("etc/x", "")]).host()).err().unwrap();
        assert_eq!(gap.why(), "updates do not come by apt here");
    }
}
