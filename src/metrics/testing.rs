//! What tests of samplers share: a machine made of files that change, and what was read from it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use jiff::Timestamp;

use super::{Sample, Values};
use crate::host::Host;

/// A directory that stands for a machine.
pub(super) struct Tree(tempfile::TempDir);

impl Tree {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let tree = Tree(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| tree.write(path, text));
        tree
    }

    /// Writes into the file that is there, so that whoever holds it open sees it.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn host(&self) -> Host {
        Host::fake(self.path(), Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap()
    }
}

/// What a sampler reads at some second: by metric and labels, such as `system.disk.io{sda,read}`.
pub(super) fn read(sampler: &mut dyn Sample, values: &mut Values, second: u64) -> BTreeMap<String, f64> {
    values.begin(Duration::from_secs(second));
    sampler.sample(values).unwrap();
    told(values)
}

/// The values that were read last.
pub(super) fn told(values: &Values) -> BTreeMap<String, f64> {
    let values = values.values().iter().filter_map(|v| {
        let series = values.series(v.series)?;
        let labels = if series.labels.is_empty() { String::new() } else { format!("{{{}}}", series.labels.join(",")) };
        Some((format!("{}{labels}", series.metric.name), v.value?))
    });
    values.collect()
}
