//! The reports of all machines in a set of histories.

use std::path::PathBuf;

use super::Skipped;
use crate::{
    checks::Catalogue,
    report::{Report, build},
    store::{Moment, Store, StoreError},
};

/// Reads the latest report of each machine. A history that cannot be used is named and left out.
pub fn gather(files: &[PathBuf], against: Moment, catalogue: &Catalogue) -> (Vec<Report>, Vec<Skipped>) {
    let (mut reports, mut skipped) = (Vec::new(), Vec::new());
    for file in files {
        match machines(&Store::at(file), against, catalogue) {
            Ok(found) => reports.extend(found),
            Err(error) => skipped.push(Skipped { file: file.display().to_string(), why: error.to_string() }),
        }
    }
    (reports, skipped)
}

fn machines(store: &Store, against: Moment, catalogue: &Catalogue) -> Result<Vec<Report>, StoreError> {
    let audits = store.machines()?;
    if audits.is_empty() {
        return Err(StoreError::Missing(store.path().to_owned()));
    }
    let report = |id| {
        let (audit, history) = store.recall(Some(id), against)?;
        Ok(build(&audit, catalogue, &history))
    };
    audits.into_iter().map(report).collect()
}
