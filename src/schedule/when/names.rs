//! Names of days, months and places in a month.

pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const PLACES: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// The most days that each month can have.
pub(super) const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Sunday is 0. `mon`, `tues`, `thursday`, in lower case.
pub(super) fn weekday(word: &str) -> Option<u32> {
    place(word, &WEEKDAYS)
}

/// `mondays`, but not `mons`.
pub(super) fn weekdays(word: &str) -> Option<u32> {
    WEEKDAYS.iter().zip(0..).find(|(name, _)| word == name.to_lowercase() + "s").map(|(_, n)| n)
}

/// January is 1. `jan`, `sept`, `march`, in lower case.
pub(super) fn month(word: &str) -> Option<u32> {
    place(word, &MONTHS).map(|n| n + 1)
}

/// Where a name stands that begins with this word of three letters or more.
fn place(word: &str, names: &[&str]) -> Option<u32> {
    if word.len() < 3 {
        return None;
    }
    names.iter().zip(0..).find(|(name, _)| name.to_lowercase().starts_with(word)).map(|(_, n)| n)
}

/// The English name of a weekday by its number; Sunday is 0.
pub(super) fn weekday_name(n: u32) -> String {
    name(n, &WEEKDAYS)
}

/// The English name of a month by its number; January is 1.
pub(super) fn month_name(n: u32) -> String {
    n.checked_sub(1).map_or_else(String::new, |n| name(n, &MONTHS))
}

/// `first` for 1, and `last` for 0.
pub(super) fn place_name(n: u32) -> String {
    n.checked_sub(1).map_or_else(|| "last".to_owned(), |n| name(n, &PLACES))
}

fn name(n: u32, names: &[&str]) -> String {
    usize::try_from(n).ok().and_then(|n| names.get(n)).copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_cut_short() {
        assert_eq!(["sun", "tues", "thurs", "saturday"].map(weekday), [Some(0), Some(2), Some(4), Some(6)]);
        assert_eq!(["jan", "sept", "may", "ju"].map(month), [Some(1), Some(9), Some(5), None]);
        assert_eq!(["mondays", "monday"].map(weekdays), [Some(1), None]);
        assert_eq!((weekday("mondayx"), place_name(0), place_name(2)), (None, "last".to_owned(), "second".to_owned()));
    }
}
