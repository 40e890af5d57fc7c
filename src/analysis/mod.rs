//! What several audits say together: how a machine went over time, and what is different between two audits; and what the
//! past of a metric says about what comes. It computes from what the store gives; it never reads the machine and prints
//! nothing.

pub mod compare;
pub mod forecast;
pub mod outlook;
pub mod periods;
pub mod resources;
#[cfg(test)]
pub(crate) mod testing;
pub mod trend;

use schemars::JsonSchema;
use serde::Serialize;

/// All of an answer, for programs.
pub fn json(answer: &impl Serialize) -> String {
    serde_json::to_string_pretty(answer).unwrap_or_default() + "\n"
}

/// The JSON Schema of such an answer.
pub fn schema<T: JsonSchema>() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(T)).unwrap_or_default() + "\n"
}
