//! What is wrong at this moment, in sentences. Only what hurts now is told; what will hurt is told by audits.

use super::Moment;
use crate::words::{self, whole};

/// What is wrong, worst first.
pub fn worries(moment: &Moment) -> Vec<String> {
    let mut found: Vec<(f64, String)> = Vec::new();
    let mut tell = |weight: f64, says: String| found.push((weight, says));
    let percent = |share: f64| format!("{} %", whole(share * 100.0));
    let memory = &moment.memory;
    if memory.kills > 0.0 {
        tell(10.0, "The kernel ends programs because there is no memory left.".to_owned());
    }
    if let Some(used) = memory.used.filter(|used| *used >= 0.9) {
        tell(6.0 + used, format!("Memory is nearly full: {}.", percent(used)));
    }
    if let Some(swapped) = memory.swapped.filter(|swapped| *swapped >= 0.8) {
        tell(4.0 + swapped, format!("Swap is nearly full: {}.", percent(swapped)));
    }
    if memory.paging >= 1000.0 {
        tell(5.5, "Memory goes to the disk and back all the time, which makes everything slow.".to_owned());
    }
    for (place, space) in &moment.space {
        if space.used >= 0.9 {
            let left = space.left.map_or_else(String::new, |left| format!(", {} left", words::size(left)));
            tell(7.0 + space.used, format!("The disk {place} is nearly full: {}{left}.", percent(space.used)));
        }
        if let Some(files) = space.files.filter(|files| *files >= 0.9) {
            let says = format!("The disk {place} can take hardly any more files: {}.", percent(files));
            tell(7.0 + files, says);
        }
    }
    if let Some(failed) = moment.failed.filter(|failed| *failed >= 1.0) {
        let says = if failed < 2.0 {
            "1 service has failed.".to_owned()
        } else {
            format!("{} services have failed.", whole(failed))
        };
        tell(5.0, says);
    }
    for (what, stall) in &moment.pressure {
        let (worst, hurts) = match what.as_str() {
            "memory" => (stall.some, 0.1),
            "io" => (stall.some, 0.4),
            _ => (stall.some, 0.6),
        };
        if worst >= hurts {
            let what = match what.as_str() {
                "cpu" => "a processor",
                "io" => "disks",
                other => other,
            };
            tell(4.0 + worst, format!("Programs wait for {what} {} of the time.", percent(worst)));
        }
    }
    if let Some(stolen) = moment.processor.map(|p| p.stolen).filter(|stolen| *stolen >= 0.1) {
        tell(4.5, format!("Other machines on this hardware take {} of the processors.", percent(stolen)));
    }
    for (name, disk) in moment.disks.iter().filter(|(_, disk)| disk.busy >= 0.95) {
        tell(3.0, format!("The disk {name} is at work {} of the time.", percent(disk.busy.min(1.0))));
    }
    if moment.connections.not_taken > 0.0 {
        tell(3.5, "Connections come in faster than programs here take them.".to_owned());
    }
    if let Some(zombies) = moment.zombies.filter(|zombies| *zombies >= 20.0) {
        tell(2.0, format!("{} programs ended and were not cleared away.", whole(zombies)));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, says)| words::harmless(&says)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{Memory, Space, Stall};

    #[test]
    fn only_what_hurts_is_told_and_the_worst_first() {
        assert_eq!(worries(&Moment::default()), Vec::<String>::new());
        let full = Space { used: 0.985, left: Some(1.2e9), files: Some(0.2) };
        let moment = Moment {
            memory: Memory { used: Some(0.96), swapped: Some(0.1), ..Memory::default() },
            space: vec![("/var\u{1b}[2J".to_owned(), full)],
            pressure: vec![("io".to_owned(), Stall { some: 0.5, full: None })],
            failed: Some(2.0),
            ..Moment::default()
        };
        assert_eq!(
            worries(&moment),
            [
                "The disk /var\u{fffd}[2J is nearly full: 99 %, 1.2 GB left.",
                "Memory is nearly full: 96 %.",
                "2 services have failed.",
                "Programs wait for disks 50 % of the time.",
            ]
        );
    }
}
