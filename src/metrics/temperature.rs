//! Temperatures, and from which on the hardware takes harm or slows down. From `/sys/class/hwmon`
//! (Documentation/hwmon/sysfs-interface.rst), or where nothing is there, from `/sys/class/thermal`. Nothing is ever set.

use std::time::Duration;

use super::{
    Sample, Sampler, Values,
    declare::{Kind, metrics},
};
use crate::{
    facts::{Gap, Reason},
    host::Host,
};

metrics! {
    /// How warm a part of the machine is.
    TEMPERATURE = "hw.temperature", "Temperature", "Cel", Kind::Gauge, Less, 1, by ["hw.id", "hw.name"];
    /// From which temperature on a part slows down (`high.degraded`) or takes harm (`high.critical`), as it says itself.
    LIMIT = "hw.temperature.limit", "Highest temperature", "Cel", Kind::Gauge, Neither, 1,
        by ["hw.id", "hw.name", "hw.limit_type"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "temperature",
    about: "how warm the machine is",
    metrics: METRICS,
    every: Duration::from_secs(60),
    waits: true,
    start: |with| Ok(Box::new(Temperature::new(&with.host)?)),
};

const HWMON: &str = "/sys/class/hwmon";
const THERMAL: &str = "/sys/class/thermal";
const WHAT: &str = "how warm the machine is";

/// The most sensors that are read.
const MOST: usize = 200;
/// The most that is read of a file there.
const LONGEST: u64 = 4096;
/// Sensors that are not connected tell what no machine would survive.
const POSSIBLE: std::ops::RangeInclusive<f64> = -60.0..=200.0;

struct Temperature {
    host: Host,
    /// The names in the folder when the sensors were looked for.
    devices: Vec<String>,
    sensors: Vec<Sensor>,
}

#[derive(Debug, PartialEq)]
struct Sensor {
    /// Its file.
    path: String,
    /// File that says whether it is broken.
    fault: Option<String>,
    id: String,
    name: String,
    limits: Vec<(&'static str, f64)>,
}

impl Temperature {
    fn new(host: &Host) -> Result<Self, Gap> {
        let (devices, sensors) = find(host);
        if sensors.is_empty() {
            return Err(Gap::new(WHAT, HWMON, Reason::Tool("this machine tells no temperatures".to_owned())));
        }
        Ok(Temperature { host: host.clone(), devices, sensors })
    }
}

fn names(host: &Host, folder: &str) -> Vec<String> {
    host.list(folder).unwrap_or_default().into_iter().map(|entry| entry.name).collect()
}

/// All sensors, and the devices that were there.
fn find(host: &Host) -> (Vec<String>, Vec<Sensor>) {
    let devices = names(host, HWMON);
    let mut sensors: Vec<Sensor> = devices.iter().flat_map(|device| of_device(host, device)).collect();
    if sensors.is_empty() {
        sensors = names(host, THERMAL).iter().filter_map(|zone| of_zone(host, zone)).collect();
    }
    sensors.truncate(MOST);
    (devices, sensors)
}

/// What a small file says; nothing when it is not there or says nothing.
fn line(host: &Host, path: &str) -> Option<String> {
    let text = String::from_utf8_lossy(&host.read_bytes(path, LONGEST).ok()?).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// A temperature in thousandths of a degree, when it is one.
#[allow(clippy::cast_precision_loss)]
fn degrees(host: &Host, path: &str) -> Option<f64> {
    let thousandths = line(host, path)?.parse::<i64>().ok()?;
    Some(thousandths as f64 / 1000.0).filter(|degrees| POSSIBLE.contains(degrees))
}

fn of_device(host: &Host, device: &str) -> Vec<Sensor> {
    // Old drivers have their files one folder deeper.
    let folder = format!("{HWMON}/{device}");
    let folders = [folder.clone(), format!("{folder}/device")];
    let Some((folder, inputs)) = folders.into_iter().find_map(|folder| {
        let inputs: Vec<u32> = names(host, &folder)
            .iter()
            .filter_map(|name| name.strip_prefix("temp")?.strip_suffix("_input")?.parse().ok())
            .collect();
        (!inputs.is_empty()).then_some((folder, inputs))
    }) else {
        return Vec::new();
    };
    let chip = line(host, &format!("{folder}/name")).unwrap_or_else(|| device.to_owned());
    // The number in its name is another after the next start; what it belongs to stays.
    let link = host.read_link(&format!("{HWMON}/{device}/device")).ok();
    let parent = link.as_deref().and_then(|link| link.rsplit('/').next()).filter(|name| !name.is_empty());
    let whose = match parent {
        Some(parent) if parent.starts_with(&chip) => parent.to_owned(),
        Some(parent) => format!("{chip}/{parent}"),
        None => chip.clone(),
    };
    let sensor = |n: u32| {
        let file = |what: &str| format!("{folder}/temp{n}_{what}");
        let limit = |kind, what| Some((kind, degrees(host, &file(what)).filter(|limit| *limit > 0.0)?));
        Sensor {
            path: file("input"),
            fault: Some(file("fault")).filter(|path| host.exists(path)),
            id: format!("{whose}/temp{n}"),
            name: line(host, &file("label")).unwrap_or_else(|| chip.clone()),
            limits: [limit("high.degraded", "max"), limit("high.critical", "crit")].into_iter().flatten().collect(),
        }
    };
    inputs.into_iter().map(sensor).collect()
}

fn of_zone(host: &Host, zone: &str) -> Option<Sensor> {
    let folder = format!("{THERMAL}/{zone}");
    let path = format!("{folder}/temp");
    if !zone.starts_with("thermal_zone") || !host.exists(&path) {
        return None;
    }
    let kinds = names(host, &folder).into_iter().filter_map(|name| {
        let number = name.strip_prefix("trip_point_")?.strip_suffix("_type")?.parse::<u32>().ok()?;
        let kind = match line(host, &format!("{folder}/{name}"))?.as_str() {
            "hot" => "high.degraded",
            "critical" => "high.critical",
            _ => return None,
        };
        Some((kind, degrees(host, &format!("{folder}/trip_point_{number}_temp")).filter(|limit| *limit > 0.0)?))
    });
    let mut limits: Vec<(&'static str, f64)> = kinds.collect();
    limits.dedup_by_key(|(kind, _)| *kind);
    let name = line(host, &format!("{folder}/type")).unwrap_or_else(|| zone.to_owned());
    Some(Sensor { path, fault: None, id: zone.to_owned(), name, limits })
}

impl Sample for Temperature {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        if names(&self.host, HWMON) != self.devices {
            (self.devices, self.sensors) = find(&self.host);
        }
        let mut told = false;
        for sensor in &self.sensors {
            let broken = sensor.fault.as_ref().is_some_and(|path| line(&self.host, path).is_some_and(|n| n != "0"));
            // A part that sleeps does not say how warm it is.
            let Some(degrees) = degrees(&self.host, &sensor.path).filter(|_| !broken) else { continue };
            told = true;
            values.gauge(&TEMPERATURE, &[&sensor.id, &sensor.name], degrees);
            for (kind, limit) in &sensor.limits {
                values.gauge(&LIMIT, &[&sensor.id, &sensor.name, kind], *limit);
            }
        }
        let silent = || Gap::new(WHAT, HWMON, Reason::Broken("no sensor tells a temperature".to_owned()));
        told.then_some(()).ok_or_else(silent)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::metrics::testing::{Tree, read};

    /// A processor and two equal disks, as they are on many servers.
    fn machine() -> Tree {
        let tree = Tree::new(&[
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/name", "coretemp\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_input", "61000\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_label", "Package id 0\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_max", "80000\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_crit", "100000\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp2_input", "59500\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp2_label", "Core 0\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp2_crit", "0\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp3_input", "127500\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/temp3_fault", "1\n"),
            ("sys/devices/platform/coretemp.0/hwmon/hwmon0/in0_input", "3300\n"),
            ("sys/devices/platform/coretemp.0/uevent", ""),
            ("sys/devices/pci/nvme0/hwmon1/name", "nvme\n"),
            ("sys/devices/pci/nvme0/hwmon1/temp1_input", "38850\n"),
            ("sys/devices/pci/nvme0/hwmon1/temp1_max", "65261850\n"),
            ("sys/devices/pci/nvme1/hwmon2/name", "nvme\n"),
            ("sys/devices/pci/nvme1/hwmon2/temp1_input", "-273150\n"),
            ("sys/devices/virtual/hwmon3/name", "acpitz\n"),
            ("sys/devices/virtual/hwmon3/temp1_input", "27800\n"),
            ("sys/class/hwmon/x", ""),
        ]);
        let link = |path: &str, to: &str| symlink(to, tree.path().join("sys").join(path)).unwrap();
        link("class/hwmon/hwmon0", "../../devices/platform/coretemp.0/hwmon/hwmon0");
        link("devices/platform/coretemp.0/hwmon/hwmon0/device", "../../../coretemp.0");
        for n in ["0", "1"] {
            let number = if n == "0" { 1 } else { 2 };
            link(&format!("class/hwmon/hwmon{number}"), &format!("../../devices/pci/nvme{n}/hwmon{number}"));
            link(&format!("devices/pci/nvme{n}/hwmon{number}/device"), &format!("../../nvme{n}"));
        }
        link("class/hwmon/hwmon3", "../../devices/virtual/hwmon3");
        tree
    }

    #[test]
    fn each_sensor_is_told_with_its_limits() {
        let tree = machine();
        let told = read(&mut Temperature::new(&tree.host()).unwrap(), &mut Values::default(), 1);
        let expected = [
            ("hw.temperature.limit{coretemp.0/temp1,Package id 0,high.critical}", 100.0),
            ("hw.temperature.limit{coretemp.0/temp1,Package id 0,high.degraded}", 80.0),
            ("hw.temperature{acpitz/temp1,acpitz}", 27.8),
            ("hw.temperature{coretemp.0/temp1,Package id 0}", 61.0),
            ("hw.temperature{coretemp.0/temp2,Core 0}", 59.5),
            ("hw.temperature{nvme0/temp1,nvme}", 38.9),
        ];
        assert_eq!(told.into_iter().collect::<Vec<_>>(), expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn a_sensor_that_comes_or_goes_is_noticed() {
        let tree = machine();
        let mut sampler = Temperature::new(&tree.host()).unwrap();
        let mut values = Values::default();
        read(&mut sampler, &mut values, 1);
        std::fs::remove_file(tree.path().join("sys/class/hwmon/hwmon0")).unwrap();
        tree.write("sys/class/hwmon/hwmon9/temp1_input", "21000\n");
        let told = read(&mut sampler, &mut values, 61);
        assert_eq!(told.keys().filter(|name| name.contains("coretemp")).count(), 0);
        assert_eq!(told["hw.temperature{hwmon9/temp1,hwmon9}"], 21.0);
        for sensor in &sampler.sensors {
            std::fs::remove_file(tree.path().join(sensor.path.trim_start_matches('/'))).unwrap();
        }
        assert!(sampler.sample(&mut values).is_err(), "nobody tells anything any more");
    }

    #[test]
    fn small_boards_have_zones_instead() {
        let tree = Tree::new(&[
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
            ("sys/class/thermal/thermal_zone0/trip_point_0_type", "critical\n"),
            ("sys/class/thermal/thermal_zone0/trip_point_0_temp", "110000\n"),
            ("sys/class/thermal/thermal_zone0/trip_point_1_type", "passive\n"),
            ("sys/class/thermal/cooling_device0/type", "fan\n"),
        ]);
        let told = read(&mut Temperature::new(&tree.host()).unwrap(), &mut Values::default(), 1);
        let expected = [
            ("hw.temperature.limit{thermal_zone0,cpu-thermal,high.critical}", 110.0),
            ("hw.temperature{thermal_zone0,cpu-thermal}", 48.3),
        ];
        assert_eq!(told.into_iter().collect::<Vec<_>>(), expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn a_machine_without_sensors_says_so() {
        let tree = Tree::new(&[("sys/class/hwmon/hwmon0/name", "power\n"), ("sys/class/hwmon/hwmon0/temp_input", "1")]);
        let gap = Temperature::new(&tree.host()).err().unwrap();
        assert_eq!(gap.why(), "this machine tells no temperatures");
    }
}
