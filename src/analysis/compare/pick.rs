//! Which two audits are meant.

use jiff::Timestamp;

use crate::{
    audit::Audit,
    store::{Moment, Store, StoreError},
    words,
};

/// Two audits to compare.
#[derive(Debug, Clone)]
pub struct Picked {
    /// The first that was named.
    pub one: Audit,
    /// The second.
    pub other: Audit,
    /// That the history does not reach back as far as was asked, in sentences.
    pub notes: Vec<String>,
}

/// Why there are no two.
#[derive(Debug, thiserror::Error)]
pub enum PickError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Both names mean the same audit.
    #[error("both are the same audit: number {0}")]
    Same(i64),
    /// The machine has only one.
    #[error("there is only one audit of {0}, so there is nothing to compare it with")]
    Alone(String),
}

/// Finds the two audits that are meant: the last two when none is named, one and the last of its machine when one is.
///
/// # Errors
/// When one of them is not there, or both are the same.
pub fn pick(store: &Store, one: Option<Moment>, other: Option<Moment>) -> Result<Picked, PickError> {
    let (one, other) = match (one, other) {
        // `compare last` asks what the last look brought.
        (None | Some(Moment::Last), None) => (Moment::Previous, Moment::Last),
        (Some(one), None) => (one, Moment::Last),
        (one, Some(other)) => (one.unwrap_or(Moment::Previous), other),
    };
    // A number says which machine is meant, also for the other one.
    let numbered = |moment: Moment| match moment {
        Moment::Audit(id) => store.audit(Some(id)).map(Some),
        _ => Ok(None),
    };
    let (first, second) = (numbered(one)?, numbered(other)?);
    let reference = match first.clone().or_else(|| second.clone()) {
        Some(audit) => audit,
        None => store.audit(None)?,
    };
    let find = |known: Option<Audit>, moment: Moment| -> Result<Audit, PickError> {
        if let Some(audit) = known {
            return Ok(audit);
        }
        match store.find(moment, &reference)? {
            Some(id) => Ok(store.audit(Some(id))?),
            None => Err(PickError::Alone(reference.machine.hostname.clone())),
        }
    };
    let (first, second) = (find(first, one)?, find(second, other)?);
    if first.id == second.id {
        return Err(match store.find(Moment::Previous, &reference)? {
            None => PickError::Alone(reference.machine.hostname),
            Some(_) => PickError::Same(first.id.unwrap_or_default()),
        });
    }
    // Days count from the last audit of the machine, whichever two are compared.
    let days = [one, other].iter().any(|m| matches!(m, Moment::Days(_)));
    let last = if days { store.find(Moment::Last, &reference)? } else { None };
    let last = last.map(|id| store.audit(Some(id))).transpose()?.map_or(reference.started, |a| a.started);
    let notes = [(one, &first), (other, &second)].into_iter().filter_map(|(moment, found)| short(moment, found, last));
    let notes = notes.collect();
    Ok(Picked { one: first, other: second, notes })
}

/// That the audit found is later than the one that was asked for.
fn short(moment: Moment, found: &Audit, last: Timestamp) -> Option<String> {
    let day = words::date(found.started);
    match moment {
        Moment::Days(days) => {
            let passed = last.as_second().saturating_sub(found.started.as_second());
            (passed < i64::from(days) * 86_400)
                .then(|| format!("There is no audit {days} days before the last one. The oldest is of {day}."))
        }
        Moment::Day(asked) => (words::utc(found.started).date() > asked)
            .then(|| format!("There is no audit up to {}. The oldest is of {day}.", asked.strftime("%-d %B %Y"))),
        _ => None,
    }
}
