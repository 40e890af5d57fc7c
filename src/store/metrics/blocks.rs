//! Samples as they are kept when their day is over: one row for a series and an hour, with its values one after the other.
//! Sorted and without a time and a number for each they need a third of the room.

/// How far each sample is from the first, in steps.
const PLACES: &str = "coalesce(places, range(count)::uinteger[])";

/// What makes rows of `metric_blocks` of samples (`series`, `ts`, `value`).
pub(super) fn packed(samples: &str) -> String {
    format!(
        "with lists as (
            select series, min(ts) as ts, max(ts) as until, count(*)::integer as count, min(value) = max(value) as same,
                   list(epoch_us(ts) order by ts) as moments, list(value order by ts) as vals
            from {samples} group by series, date_trunc('hour', ts)),
         apart as (
            select *, list_transform(moments, lambda m: m - moments[1]) as offsets,
                   coalesce(list_min(list_transform(range(1, count), lambda n: moments[n + 1] - moments[n])), 1) as least
            from lists),
         steps as (
            select *, case when list_bool_and(list_transform(offsets, lambda o: o % least = 0)) then least else 1 end as step
            from apart)
         select series, ts, until, count, step,
                case when until - ts <> to_microseconds(step * (count - 1))
                     then list_transform(offsets, lambda o: o // step)::uinteger[] end as places,
                case when same then vals[1:1] else vals end as vals
         from steps order by series, ts"
    )
}

/// The samples (`series`, `ts`, `value`) in some rows of a table like `metric_blocks`.
pub(super) fn unpacked(table: &str, rows: &str) -> String {
    // The shorter of two lists is filled up: where all values are the same, one of them stands for all.
    format!(
        "(select series, ts + to_microseconds(place * step) as ts, coalesce(value, first) as value from (
            select series, ts, step, unnest({PLACES}) as place, unnest(vals) as value, vals[1] as first
            from {table} where {rows}))"
    )
}
