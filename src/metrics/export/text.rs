//! The last values as Prometheus reads them (text format 0.0.4) and as OpenMetrics 1.0 has it. Counters are told as the
//! counts that they are, so that whoever reads them reckons as usual.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use crate::metrics::{ALL, Kind, Metric, Values};

/// Which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own.
    Prometheus,
    /// OpenMetrics.
    OpenMetrics,
}

/// The last value of each series. What is measured once an hour is told until it is measured again.
#[derive(Debug, Default)]
pub(super) struct Last {
    values: BTreeMap<&'static str, Family>,
}

#[derive(Debug)]
struct Family {
    metric: &'static Metric,
    /// For how long a value is told.
    holds: Duration,
    /// By labels: when it was read, and what is told.
    series: BTreeMap<Vec<String>, (Duration, f64)>,
}

/// A value is told for so long at least.
const HOLDS: Duration = Duration::from_secs(300);

impl Last {
    /// Takes what was read now, and forgets what was not read again in its time.
    pub(super) fn take(&mut self, values: &Values) {
        let now = values.now();
        for value in values.values() {
            let Some(series) = values.series(value.series) else { continue };
            let told = match series.metric.kind {
                Kind::Counter(_) => value.total,
                _ => value.value,
            };
            let Some(told) = told else { continue };
            let family = self.values.entry(series.metric.name).or_insert_with(|| Family {
                metric: series.metric,
                holds: holds(series.metric),
                series: BTreeMap::new(),
            });
            match family.series.get_mut(&series.labels) {
                Some(known) => *known = (now, told),
                None => drop(family.series.insert(series.labels.clone(), (now, told))),
            }
        }
        for family in self.values.values_mut() {
            let holds = family.holds;
            family.series.retain(|_, (read, _)| now.saturating_sub(*read) <= holds);
        }
    }

    /// The text.
    pub(super) fn text(&self, format: Format) -> String {
        let mut out = String::new();
        for family in self.values.values().filter(|family| !family.series.is_empty()) {
            family.write(format, &mut out);
        }
        if format == Format::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out
    }
}

fn holds(metric: &Metric) -> Duration {
    let sampler = ALL.iter().find(|sampler| sampler.metrics.iter().any(|m| m.name == metric.name));
    sampler.map_or(HOLDS, |sampler| HOLDS.max(sampler.every * 2 + HOLDS))
}

impl Family {
    fn write(&self, format: Format, out: &mut String) {
        let metric = self.metric;
        let (name, unit, counts) = match metric.kind {
            Kind::Counter(total) => (total.name, total.unit, true),
            _ => (metric.name, metric.unit, false),
        };
        let unit = suffix(unit);
        let mut name = plain(name);
        if let Some(unit) = unit.filter(|unit| !name.ends_with(*unit)) {
            let _ = write!(name, "_{unit}");
        }
        let sample = if counts { format!("{name}_total") } else { name.clone() };
        // The old format knows a counter by the name of its samples.
        let family = if format == Format::OpenMetrics { &name } else { &sample };
        let kind = if counts { "counter" } else { "gauge" };
        let _ = writeln!(out, "# HELP {family} {}\n# TYPE {family} {kind}", escaped(metric.about));
        if let Some(unit) = unit.filter(|_| format == Format::OpenMetrics) {
            let _ = writeln!(out, "# UNIT {family} {unit}");
        }
        for (labels, (_, value)) in &self.series {
            out.push_str(&sample);
            for (place, (label, text)) in metric.labels.iter().zip(labels).enumerate() {
                let open = if place == 0 { '{' } else { ',' };
                let _ = write!(out, "{open}{}=\"{}\"", plain(label), escaped(text));
            }
            let close = if metric.labels.is_empty() { "" } else { "}" };
            let _ = writeln!(out, "{close} {value}");
        }
    }
}

/// How Prometheus calls a unit at the end of a name.
fn suffix(unit: &str) -> Option<&'static str> {
    match unit {
        "By" => Some("bytes"),
        "s" => Some("seconds"),
        "1" => Some("ratio"),
        "Cel" => Some("celsius"),
        "d" => Some("days"),
        _ => None,
    }
}

fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// These values alone, as text.
pub fn text(values: &Values, format: Format) -> String {
    let mut last = Last::default();
    last.take(values);
    last.text(format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Better, Total};

    static IO: Metric = Metric {
        name: "a.disk.io",
        title: "A",
        unit: "By/s",
        kind: Kind::Counter(Total { name: "a.disk.io", unit: "By" }),
        about: "What was \"read\".",
        labels: &["system.device", "x"],
        decimals: 0,
        better: Better::Neither,
        says: None,
    };
    static SHARE: Metric = Metric {
        name: "a.utilization",
        title: "A",
        unit: "1",
        kind: Kind::Gauge,
        about: "A share.",
        labels: &[],
        decimals: 4,
        better: Better::Less,
        says: None,
    };

    #[test]
    fn counts_are_told_as_counts_and_shares_as_they_are() {
        let mut last = Last::default();
        let mut values = Values::default();
        values.begin(Duration::from_secs(10));
        values.counter(&IO, &["sda\"\\\n", "read"], 8, 512.0);
        values.gauge(&SHARE, &[], 0.25);
        last.take(&values);
        insta::assert_snapshot!(last.text(Format::Prometheus), @r#"
        # HELP a_disk_io_bytes_total What was \"read\".
        # TYPE a_disk_io_bytes_total counter
        a_disk_io_bytes_total{system_device="sda\"\\\n",x="read"} 4096
        # HELP a_utilization_ratio A share.
        # TYPE a_utilization_ratio gauge
        a_utilization_ratio 0.25
        "#);
        insta::assert_snapshot!(last.text(Format::OpenMetrics), @r#"
        # HELP a_disk_io_bytes What was \"read\".
        # TYPE a_disk_io_bytes counter
        # UNIT a_disk_io_bytes bytes
        a_disk_io_bytes_total{system_device="sda\"\\\n",x="read"} 4096
        # HELP a_utilization_ratio A share.
        # TYPE a_utilization_ratio gauge
        # UNIT a_utilization_ratio ratio
        a_utilization_ratio 0.25
        # EOF
        "#);
        // What is not read any more is told no more.
        values.begin(Duration::from_secs(10 + 301));
        values.gauge(&SHARE, &[], 0.5);
        last.take(&values);
        assert_eq!(last.text(Format::Prometheus).lines().count(), 3);
    }

    #[test]
    fn no_two_metrics_have_one_name() {
        let mut names = std::collections::BTreeSet::new();
        for metric in crate::metrics::metrics() {
            let family =
                Family { metric, holds: HOLDS, series: BTreeMap::from([(vec![String::new(); 3], (HOLDS, 1.0))]) };
            let mut text = String::new();
            family.write(Format::OpenMetrics, &mut text);
            let name = text.split_whitespace().nth(2).unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} is two metrics");
        }
    }
}
