//! Many machines in one report: the technician's overview. Built from the reports of the single machines, so that it
//! never says anything else than they do.

mod build;
mod gather;
mod model;
mod page;

pub use build::fleet;
pub use gather::gather;
pub use model::*;
pub use page::{html, markdown};

/// The overview as JSON: the model itself.
pub fn json(fleet: &Fleet) -> String {
    serde_json::to_string_pretty(fleet).unwrap_or_default()
}

/// The JSON Schema of the overview.
pub fn schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(Fleet)).unwrap_or_default()
}
