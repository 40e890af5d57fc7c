//! How full the disk that matters most is, and the memory, over the last weeks.

use jiff::SignedDuration;

use super::{ScheduleError, Work};
use crate::{audit::Audit, report::email::Fill, store::Filled, words};

/// How far back the line goes.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 90);

impl Work<'_> {
    /// The fullest disk, and the memory.
    pub(super) fn fills(&self, audit: &Audit) -> Result<(Option<Fill>, Option<Fill>), ScheduleError> {
        Ok(told(&self.here.store.fills(audit, BACK)?))
    }
}

fn told(all: &[Filled]) -> (Option<Fill>, Option<Fill>) {
    let Some(newest) = all.last().map(|f| f.at) else { return (None, None) };
    let now = |f: &&Filled| f.at == newest;
    let disks = all.iter().filter(now).filter(|f| f.path.is_some());
    let fullest = disks.max_by(|a, b| a.used_percent.total_cmp(&b.used_percent));
    let memory = all.iter().filter(now).find(|f| f.path.is_none());
    let fill = |of: &Filled| {
        let points = all.iter().filter(|f| f.path == of.path).map(|f| (f.at, f.used_percent)).collect();
        let free = format!("{} of {} free", words::size(of.free.max(0.0)), words::size(of.size));
        let name =
            of.path.as_ref().map_or_else(|| "Memory".to_owned(), |path| format!("Disk {}", words::harmless(path)));
        Fill { name, used_percent: of.used_percent, points, text: free }
    };
    (fullest.map(fill), memory.map(fill))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_disk_is_told_with_its_past_and_the_memory() {
        let at = |day: i8| jiff::civil::date(2026, 1, day).at(2, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
        let filled = |day, path: Option<&str>, used: f64| Filled {
            at: at(day),
            path: path.map(str::to_owned),
            used_percent: used,
            size: 100e9,
            free: (100.0 - used) * 1e9,
        };
        let all = [
            filled(1, Some("/"), 90.0),
            filled(1, Some("/var"), 50.0),
            filled(2, None, 40.0),
            filled(2, Some("/"), 60.0),
            filled(2, Some("/var"), 70.0),
        ];
        let (disk, memory) = told(&all);
        let (disk, memory) = (disk.unwrap(), memory.unwrap());
        assert_eq!((disk.name.as_str(), disk.text.as_str()), ("Disk /var", "30 GB of 100 GB free"));
        assert_eq!(disk.points, [(at(1), 50.0), (at(2), 70.0)]);
        assert_eq!((memory.name.as_str(), memory.points.len()), ("Memory", 1));
        assert_eq!(told(&[]), (None, None));
    }
}
