#!/usr/bin/env bash
# What the benches share: sourced by them.

# measure COUNT COMMAND…: medians of CPU seconds, wall seconds and peak KB; ends the bench where the command fails
measure() {
    local count=$1 runs one status
    shift
    runs=$(mktemp) one=$(mktemp)
    for _ in $(seq "$count"); do
        status=0
        /usr/bin/time -q -o "$one" -f '%U %S %e %M' "$@" >/dev/null 2>"$one.err" || status=$?
        # 1 is what tools say that found something, or could not enter a folder.
        if [ "$status" -gt 1 ]; then
            printf 'failed with %s: %s\n' "$status" "$*" >&2
            cat "$one.err" >&2
            exit 1
        fi
        awk '{ printf "%.3f %.3f %d\n", $1 + $2, $3, $4 }' "$one" >>"$runs"
    done
    for column in 1 2 3; do
        cut -d' ' -f"$column" "$runs" | sort -g | sed -n "$(((count + 1) / 2))p"
    done | paste -sd' '
    rm -f "$runs" "$one" "$one.err"
}
