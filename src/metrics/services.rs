//! Services: how many failed, and which are started again and again by themselves, as systemd says. One question every
//! five minutes, about those alone that run or failed, since each answer costs systemd a little.

use std::{collections::HashMap, time::Duration};

use super::{
    Sample, Sampler, Values,
    declare::{Kind, counter, metrics},
};
use crate::{
    facts::{Gap, Reason},
    host::{Command, Host},
};

metrics! {
    /// Services, mounts, timers and the like that failed and are not running.
    FAILED = "systemd.unit.failed", "Failed services", "{unit}", Kind::Gauge, Less, 0;
    /// How often a service was started again by itself. Only of those that ever were.
    RESTARTS = "systemd.service.restarts", "Restarts of a service", "{restart}/s",
        counter("systemd.service.restarts", "{restart}"), Less, 5, by ["systemd.unit.name"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "services",
    about: "which services fail or start again and again",
    metrics: METRICS,
    every: Duration::from_secs(300),
    waits: true,
    start: |with| Ok(Box::new(Services::new(&with.host)?)),
};

const SYSTEMCTL: &[&str] = &["/usr/bin/systemctl", "/bin/systemctl"];
const WHAT: &str = "which services failed";
/// The most that systemd may say: three short lines for each of some thousand units.
const LONGEST: usize = 1 << 20;

/// The question: about units that run, are being started or stopped, or failed.
fn question() -> Command {
    let states = "--state=failed,running,activating,deactivating,reloading";
    Command::new(SYSTEMCTL)
        .args(["show", "--no-pager", "--property=Id,ActiveState,NRestarts", states, "*"])
        .max_output(LONGEST)
}

struct Services {
    host: Host,
    /// How often each service had been started again at the last look, and when that was.
    before: Option<(HashMap<String, u64>, Duration)>,
}

impl Services {
    fn new(host: &Host) -> Result<Self, Gap> {
        if !host.exists("/run/systemd/system") {
            return Err(Gap::new(WHAT, "systemctl", Reason::Tool("systemd does not run here".to_owned())));
        }
        Ok(Services { host: host.clone(), before: None })
    }
}

impl Sample for Services {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let answer = self.host.run(&question()).and_then(|output| output.success("systemctl"));
        let text = answer.map_err(|error| Gap::new(WHAT, "systemctl", error.reason()))?;
        let (mut failed, mut counts) = (0_u32, HashMap::new());
        for unit in text.split("\n\n") {
            let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            let Some(name) = value("Id").filter(|name| !name.is_empty()) else { continue };
            failed += u32::from(value("ActiveState") == Some("failed"));
            if let Some(restarts) = value("NRestarts").and_then(|n| n.parse::<u64>().ok()) {
                counts.insert(name.to_owned(), restarts);
            }
        }
        values.gauge(&FAILED, &[], failed.into());
        let before = self.before.take();
        for (name, restarts) in &counts {
            let earlier = before.as_ref().map(|(counts, at)| (counts.get(name).copied().unwrap_or(0), *at));
            if *restarts == 0 && earlier.is_none_or(|(count, _)| count == 0) {
                continue;
            }
            // The first time at which one is started again counts too: it stood at nothing before.
            if let Some((count, at)) = earlier {
                values.counted_before(&RESTARTS, &[name], count, at);
            }
            values.counter(&RESTARTS, &[name], *restarts, 1.0);
        }
        self.before = Some((counts, values.now()));
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

    /// A machine on which systemctl says this.
    fn says(tree: &Tree, text: &str) -> Host {
        let line = "/usr/bin/systemctl show --no-pager --property=Id,ActiveState,NRestarts \
                    --state=failed,running,activating,deactivating,reloading *";
        let canned = BTreeMap::from([(line.to_owned(), Output::ok(text))]);
        Host::fake(tree.path(), jiff::Timestamp::UNIX_EPOCH, canned).unwrap()
    }

    fn unit(name: &str, state: &str, restarts: &str) -> String {
        let restarts = if restarts.is_empty() { String::new() } else { format!("NRestarts={restarts}\n") };
        format!("{restarts}Id={name}\nActiveState={state}\n\n")
    }

    #[test]
    fn the_first_restart_is_seen_as_well_as_those_after_it() {
        let tree = Tree::new(&[("run/systemd/system/x", "")]);
        let usual = unit("dbus.socket", "active", "") + &unit("ssh.service", "active", "0");
        let with = |web: &str, shop: &str| {
            usual.clone() + &unit("web.service", "active", web) + &unit("shop.service", "failed", shop)
        };
        let mut services = Services::new(&says(&tree, &with("0", "5"))).unwrap();
        let mut values = Values::default();
        let mut told = |second, text: &str| {
            services.host = says(&tree, text);
            read(&mut services, &mut values, second).into_iter().collect::<Vec<_>>()
        };
        let failed = ("systemd.unit.failed".to_owned(), 1.0);
        let restarts = |name: &str, rate| (format!("systemd.service.restarts{{{name}.service}}"), rate);
        // How long ago the five were is not known.
        assert_eq!(told(1000, &with("0", "5")), std::slice::from_ref(&failed));
        assert_eq!(told(1300, &with("3", "5")), [restarts("shop", 0.0), restarts("web", 0.01), failed.clone()]);
        assert_eq!(told(1600, &with("3", "8")), [restarts("shop", 0.01), restarts("web", 0.0), failed.clone()]);
        // Started anew by hand, it counts anew; another comes that was not there before.
        let new = with("0", "8") + &unit("new.service", "activating", "6");
        assert_eq!(told(1900, &new), [restarts("new", 0.02), restarts("shop", 0.0), failed.clone()]);
        assert_eq!(told(2200, &with("3", "8")), [restarts("shop", 0.0), restarts("web", 0.01), failed]);
    }

    #[test]
    fn nonsense_is_no_service() {
        let tree = Tree::new(&[("run/systemd/system/x", "")]);
        let text = "Id=\nActiveState=failed\n\nNRestarts=-1\nId=a.service\n\nActiveState=failed\n\n\u{0}\n=\n\nId=b\nNRestarts=x";
        let told = read(&mut Services::new(&says(&tree, text)).unwrap(), &mut Values::default(), 1);
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [("systemd.unit.failed".to_owned(), 0.0)]);
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
