//! Disks, what is mounted, and how full it is.

use super::{All, Kind, Row, Told, bracket};
use crate::words::{size, whole};

/// A fill that changed by so many points is told.
const POINTS: f64 = 10.0;
/// From here on a disk is nearly full.
const FULL: f64 = 90.0;

fn size_of(row: Row<'_>) -> String {
    row.number("size").map_or_else(String::new, size)
}

pub(in super::super) fn device(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = format!("'{}'", row.text("name"));
    let kind = match row.raw("kind") {
        "disk" => "disk",
        "partition" => "partition",
        "crypt" => "encrypted disk",
        "raid" => "group of disks",
        _ => "volume",
    };
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("The {kind} {name} was added ({}).", size_of(row))),
        Kind::Removed => Told::notable(format!("The {kind} {name} is gone ({}).", size_of(row))),
        Kind::Changed if row.off("encrypted") => Told::danger(format!("The {kind} {name} is no longer encrypted.")),
        Kind::Changed if row.on("encrypted") => Told::safer(format!("The {kind} {name} is encrypted now.")),
        Kind::Changed if row.changed("size") => Told::notable(format!(
            "The {kind} {name} now has {} (was: {}).",
            size_of(row),
            size(row.number_was("size")?)
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn mount(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("mounts") {
        return None;
    }
    let (path, device) = (row.text("path"), row.text("device"));
    let from = format!("{device}, {}", row.text("fstype"));
    Some(match row.kind() {
        Kind::Added => {
            Told::notable(format!("A disk is now mounted at {path} ({from}).")).many("disks are now mounted", path)
        }
        Kind::Removed if row.beside() => return None,
        Kind::Removed => Told::notable(format!("Nothing is mounted at {path} any more (was: {from})."))
            .many("disks are no longer mounted", path),
        Kind::Changed if row.on("read_only") => {
            Told::danger(format!("Nothing can be written to {path} any more: it is read-only now."))
        }
        Kind::Changed if row.off("read_only") => {
            Told::notable(format!("{path} can be written to now (it was read-only)."))
        }
        Kind::Changed => {
            let lost: Vec<&str> = ["nosuid", "nodev", "noexec"].into_iter().filter(|o| row.off(o)).collect();
            let won: Vec<&str> = ["nosuid", "nodev", "noexec"].into_iter().filter(|o| row.on(o)).collect();
            if let [_, ..] = lost.as_slice() {
                Told::danger(format!("{path} is now mounted without {}.", lost.join(", ")))
            } else if let [_, ..] = won.as_slice() {
                Told::safer(format!("{path} is now mounted with {}.", won.join(", ")))
            } else if row.changed("device") || row.changed("fstype") {
                Told::notable(format!("Another disk is now mounted at {path}: {from} (was: {}).", row.was("device")))
            } else {
                return None;
            }
        }
    })
}

pub(in super::super) fn planned_mount(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("fstab") {
        return None;
    }
    let what = format!("{} at {}{}", row.text("device"), row.text("path"), bracket(&row.text("fstype")));
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("The list of disks (fstab) now also has {what}.")),
        Kind::Removed => Told::notable(format!("The list of disks (fstab) no longer has {what}.")),
        Kind::Changed if row.on("has_password") => {
            Told::danger(format!("A password now stands in the list of disks (fstab), at {}.", row.text("path")))
        }
        Kind::Changed if row.changed("options") => Told::notable(format!(
            "The list of disks (fstab) now says for {}: {} (was: {}).",
            row.text("path"),
            row.now("options"),
            row.was("options")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn space(row: Row<'_>, _: All<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    if row.kind() != Kind::Changed {
        return told;
    }
    let path = row.text("path");
    for (column, what) in [("used_percent", "disk"), ("inodes_used_percent", "list of files on the disk")] {
        let (Some(was), Some(now)) = (row.number_was(column).map(f64::round), row.number(column).map(f64::round))
        else {
            continue;
        };
        let text = format!("The {what} at {path} is {}% full (was: {}%).", whole(now), whole(was));
        if now >= FULL && was < FULL {
            told.push(Told::danger(text));
        } else if now - was >= POINTS {
            told.push(if now >= FULL { Told::danger(text) } else { Told::notable(text) });
        } else if was - now >= POINTS {
            told.push(Told::safer(text));
        }
    }
    if let (Some(was), Some(now)) = (row.number_was("size"), row.number("size"))
        && (now - was).abs() > was * 0.02
    {
        told.push(Told::notable(format!("The file system at {path} now holds {} (was: {}).", size(now), size(was))));
    }
    told
}

pub(in super::super) fn swap(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = format!("'{}'", row.text("name"));
    Some(match row.kind() {
        Kind::Added => Told::routine(format!("{name} is now used when memory runs short ({}).", size_of(row))),
        Kind::Removed => Told::notable(format!("{name} is no longer used when memory runs short ({}).", size_of(row))),
        Kind::Changed => return None,
    })
}
