//! Services that failed, as systemd says: one question every five minutes, about those alone. How often services are
//! started again stands in the journal.

use std::time::Duration;

use super::{
    Sample, Sampler, Values,
    declare::{Kind, metrics},
};
use crate::{
    facts::{Gap, Reason},
    host::{Command, Host},
};

metrics! {
    /// Services, mounts, timers and the like that failed and are not running.
    FAILED = "systemd.unit.failed", "Failed services", "{unit}", Kind::Gauge, Less, 0;
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "services",
    about: "how many services failed",
    metrics: METRICS,
    every: Duration::from_secs(300),
    waits: true,
    start: |with| Ok(Box::new(Services::new(&with.host)?)),
};

const SYSTEMCTL: &[&str] = &["/usr/bin/systemctl", "/bin/systemctl"];
const WHAT: &str = "which services failed";
/// The most that systemd may say: two short lines for each of some thousand units.
const LONGEST: usize = 1 << 20;

/// The question.
fn question() -> Command {
    Command::new(SYSTEMCTL)
        .args(["show", "--no-pager", "--property=Id,ActiveState", "--state=failed", "*"])
        .max_output(LONGEST)
}

struct Services {
    host: Host,
}

impl Services {
    fn new(host: &Host) -> Result<Self, Gap> {
        if !host.exists("/run/systemd/system") {
            return Err(Gap::new(WHAT, "systemctl", Reason::Tool("systemd does not run here".to_owned())));
        }
        Ok(Services { host: host.clone() })
    }
}

impl Sample for Services {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let answer = self.host.run(&question()).and_then(|output| output.success("systemctl"));
        let text = answer.map_err(|error| Gap::new(WHAT, "systemctl", error.reason()))?;
        let failed = text.split("\n\n").filter(|unit| {
            let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            value("Id").is_some_and(|name| !name.is_empty()) && value("ActiveState") == Some("failed")
        });
        values.gauge(&FAILED, &[], u32::try_from(failed.count()).unwrap_or(u32::MAX).into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        host::Output,
        metrics::testing::{Tree, read},
    };

    /// What is told of a machine on which systemctl says this.
    fn failed(text: &str) -> f64 {
        let tree = Tree::new(&[("run/systemd/system/x", "")]);
        let line = "/usr/bin/systemctl show --no-pager --property=Id,ActiveState --state=failed *";
        let canned = BTreeMap::from([(line.to_owned(), Output::ok(text))]);
        let host = Host::fake(tree.path(), jiff::Timestamp::UNIX_EPOCH, canned).unwrap();
        read(&mut Services::new(&host).unwrap(), &mut Values::default(), 1)["systemd.unit.failed"]
    }

    #[test]
    fn those_that_failed_are_counted() {
        let unit = |name: &str, state: &str| format!("Id={name}\nActiveState={state}\n\n");
        assert_eq!(failed(&(unit("shop.service", "failed") + &unit("srv.mount", "failed"))), 2.0);
        // One that was started again between question and answer.
        assert_eq!(failed(&unit("shop.service", "active")), 0.0);
        assert_eq!(failed(""), 0.0);
    }

    #[test]
    fn nonsense_is_no_service() {
        assert_eq!(failed("Id=\nActiveState=failed\n\nActiveState=failed\n\n\u{0}\n=\n\nId=b\nActiveState=x"), 0.0);
    }

    #[test]
    fn a_machine_without_systemd_is_told_apart_from_one_that_does_not_answer() {
        let tree = Tree::new(&[("proc/1/comm", "init\n")]);
        assert_eq!(Services::new(&tree.host()).err().unwrap().why(), "systemd does not run here");
        tree.write("run/systemd/system/x", "");
        let gap = Services::new(&tree.host()).unwrap().sample(&mut Values::default()).unwrap_err();
        assert_eq!(gap.why(), "systemctl is not installed");
    }
}
