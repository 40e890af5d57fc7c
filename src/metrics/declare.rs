//! What a metric is. It is declared once, beside the sampler that fills it; documentation, charts, reports and exports
//! come from that declaration.

use std::hash::{Hash, Hasher};

/// A metric: what is measured, in which unit, and how it is told.
#[derive(Debug, serde::Serialize)]
pub struct Metric {
    /// Its name, that of OpenTelemetry's semantic conventions where there is one.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Unit of a value as OpenTelemetry (UCUM) writes it: `1` for a share, `By`, `By/s`, `s`, `{process}`.
    pub unit: &'static str,
    /// How a value comes about.
    pub kind: Kind,
    /// What it tells, in a sentence.
    pub about: &'static str,
    /// By what its series differ.
    pub labels: &'static [&'static str],
    /// How many decimals are kept; the machine knows no more.
    pub decimals: u8,
    /// Which direction is better for the machine.
    pub better: Better,
    /// What 1 and 0 mean, where there is nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<(&'static str, &'static str)>,
}

/// How a value comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is as it is at that moment.
    Gauge,
    /// The kernel counts; a value is how much it grew in a second.
    Counter(Total),
    /// Two counts; a value is how much one grew for each that the other did.
    Ratio,
}

/// What a counter is called where the count itself is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Total {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less of it.
    Less,
    /// More of it.
    More,
    /// Neither by itself.
    Neither,
}

impl Metric {
    /// The value without the digits that mean nothing. Fewer digits are stored in far less room.
    pub fn rounded(&self, value: f64) -> f64 {
        let unit = 10_f64.powi(i32::from(self.decimals));
        let rounded = (value * unit).round() / unit;
        // Large values keep their whole numbers; what overflows stays as it is. There is no negative nothing.
        if rounded.is_finite() { rounded + 0.0 } else { value }
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Metric {}

impl Hash for Metric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// Declares metrics. The doc comment is the sentence that users read.
macro_rules! metrics {
    ($(
        $(#[doc = $about:literal])+
        $id:ident = $name:literal, $title:literal, $unit:literal, $kind:expr, $better:ident, $decimals:literal
            $(, by [$($label:literal),+])? $(, says $says:expr)?;
    )+) => {
        $(
            $(#[doc = $about])+
            pub(crate) static $id: $crate::metrics::Metric = $crate::metrics::Metric {
                name: $name,
                title: $title,
                unit: $unit,
                kind: $kind,
                about: concat!($($about),+).trim_ascii(),
                labels: &[$($($label),+)?],
                decimals: $decimals,
                better: $crate::metrics::Better::$better,
                says: [$(Some($says),)? None][0],
            };
        )+
        /// All that are declared here.
        pub(super) static METRICS: &[&$crate::metrics::Metric] = &[$(&$id),+];
    };
}
pub(crate) use metrics;

/// A count, and what it is called where it is passed on.
pub(super) const fn counter(name: &'static str, unit: &'static str) -> Kind {
    Kind::Counter(Total { name, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_mean_nothing_are_left_out() {
        let metric = |decimals| Metric {
            name: "a",
            title: "A",
            unit: "1",
            kind: Kind::Gauge,
            about: "",
            labels: &[],
            decimals,
            better: Better::Neither,
            says: None,
        };
        assert_eq!(metric(4).rounded(0.123_456), 0.1235);
        assert_eq!(metric(0).rounded(1234.5), 1235.0);
        assert_eq!(metric(2).rounded(f64::MAX), f64::MAX);
        assert!(metric(2).rounded(-0.001).is_sign_positive());
    }
}
