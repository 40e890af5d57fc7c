//! Whatever is written, it is read or refused with a sentence.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::{
    super::When,
    at,
    oracle::{expression, place},
    said::schedules,
};

/// Reads it and asks everything of it.
fn try_out(text: &str, zone: &TimeZone, t: Timestamp) -> Result<(), TestCaseError> {
    match When::parse(text, zone) {
        Err(e) => {
            let said = e.to_string();
            prop_assert!(said.ends_with(['.', '?']) && said.len() < 400, "{}: {}", text, said);
            prop_assert!(!said.chars().any(char::is_control), "{:?}", said);
        }
        Ok(when) => {
            let said = when.says();
            if let Ok(read) = When::parse(&said, zone) {
                prop_assert!(read == when, "{}: {} is {:?} and was {:?}", text, said, read.spec, when.spec);
            }
            prop_assert!(!when.calendar().is_empty() && !when.crontab().is_empty());
            let next = when.next_after(t);
            prop_assert!(next.is_none_or(|next| next > t));
            let _ = (when.latest_until(t), when.next_after(Timestamp::MAX), when.next_after(Timestamp::MIN));
            let _ = (when.latest_until(Timestamp::MAX), when.latest_until(Timestamp::MIN), when.first_after(t));
        }
    }
    Ok(())
}

fn words() -> impl Strategy<Value = String> {
    let all: Vec<String> = schedules().flat_map(str::split_whitespace).map(str::to_owned).collect();
    let word = prop_oneof![
        9 => proptest::sample::select(all),
        1 => any::<u32>().prop_map(|n| n.to_string()),
        1 => "[-,*/0-9a-z:]{1,5}",
    ];
    proptest::collection::vec(word, 0..9).prop_map(|words| words.join(" "))
}

/// A good schedule with a few characters put in, taken out or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let all: Vec<&str> = schedules().collect();
    let change = (any::<prop::sample::Index>(), 0..3, any::<char>());
    (proptest::sample::select(all), proptest::collection::vec(change, 1..4)).prop_map(|(text, changes)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (place, kind, c) in changes {
            let at = place.index(chars.len() + 1);
            match kind {
                0 => chars.insert(at, c),
                1 if at < chars.len() => drop(chars.remove(at)),
                _ if at < chars.len() => chars[at] = char::from(b"0123456789,-*/ amp:"[place.index(19)]),
                _ => {}
            }
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_at_all(text in any::<String>()) {
        try_out(&text, &TimeZone::UTC, at("2026-11-26T06:00:00Z"))?;
    }

    #[test]
    fn any_words_of_schedules(text in words()) {
        try_out(&text, &TimeZone::UTC, at("2026-11-26T06:00:00Z"))?;
    }

    #[test]
    fn almost_good_ones(text in mutated()) {
        try_out(&text, &TimeZone::UTC, at("2026-11-26T06:00:00Z"))?;
    }

    #[test]
    fn what_is_said_of_a_cron_expression_means_the_same(text in expression(), (zone, t) in place()) {
        try_out(&text, &zone, t)?;
    }
}

#[test]
fn a_long_text_is_refused() {
    assert!(When::parse(&"1,".repeat(100_000), &TimeZone::UTC).is_err());
}
