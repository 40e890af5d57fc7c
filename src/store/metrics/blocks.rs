//! Samples as they are kept when their day is over: one row for a series and an hour, with its values one after the other.
//! Sorted and without a time and a number for each they need a third of the room.

/// How far each sample is from the first, in steps.
const PLACES: &str = "coalesce(places, range(count)::uinteger[])";
/// Their values. Of two lists that are unpacked at once the shorter is filled up: one value may stand for all.
const VALUES: &str = "case when runs is null then vals else
    flatten(list_transform(range(1, len(runs) + 1), lambda n: list_resize(vals[n:n], runs[n], vals[n]))) end";

/// Below this every whole number is a `double`.
const EXACT: i64 = 1 << 53;

/// What makes rows of `metric_blocks` of samples (`series`, `ts`, `value`).
pub(super) fn packed(samples: &str) -> String {
    format!(
        "with lists as (
            select series, min(ts) as ts, max(ts) as until, count(*)::integer as count,
                   list(epoch_us(ts) order by ts) as moments, list(value order by ts) as vals
            from {samples} group by series, date_trunc('hour', ts)),
         apart as (
            select *, list_transform(moments, lambda m: m - moments[1]) as offsets,
                   coalesce(list_min(list_transform(range(1, count), lambda n: moments[n + 1] - moments[n])), 1) as least,
                   list_filter(range(1, count + 1), lambda n: n = 1 or vals[n] <> vals[n - 1]) as starts,
                   case when list_bool_and(list_transform(vals, lambda v: v = trunc(v) and abs(v) < {EXACT}))
                        then list_bit_or(list_transform(vals, lambda v: v::bigint)) else 1 end as bits
            from lists),
         steps as (
            select *, case when list_bool_and(list_transform(offsets, lambda o: o % least = 0)) then least else 1 end as step,
                   len(starts) * 2 <= count as runs_are_fewer, greatest(1, bits & -bits)::double as unit
            from apart)
         select series, ts, until, count, step,
                case when until - ts <> to_microseconds(step * (count - 1))
                     then list_transform(offsets, lambda o: o // step)::uinteger[] end as places,
                case when runs_are_fewer and len(starts) > 1 then list_transform(
                     range(1, len(starts) + 1), lambda n: coalesce(starts[n + 1], count + 1) - starts[n])::uinteger[] end as runs,
                unit, list_transform(case when runs_are_fewer then list_transform(starts, lambda n: vals[n]) else vals end,
                                     lambda v: v / unit) as vals
         from steps order by series, ts"
    )
}

/// The samples (`series`, `ts`, `value`) in some rows of a table like `metric_blocks`.
pub(super) fn unpacked(table: &str, rows: &str) -> String {
    format!(
        "(select series, ts + to_microseconds(place * step) as ts, coalesce(value, first) * unit as value from (
            select series, ts, step, unit, unnest({PLACES}) as place, unnest({VALUES}) as value, vals[1] as first
            from {table} where {rows}))"
    )
}
