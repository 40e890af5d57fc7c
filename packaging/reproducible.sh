#!/bin/bash
# Builds the programs twice, from copies of the source in two places, and compares them byte by byte.
#   reproducible.sh            our own crate and what it is made of, with DuckDB's official library (about 15 CPU minutes)
#   reproducible.sh --whole    with DuckDB compiled in, as in a release (about 90 CPU minutes)
#   --warm DIR                 begin with the dependencies that build.sh left in DIR, and build our own crate alone
set -euo pipefail

options=(--linked) warm=
while [ $# -gt 0 ]; do
    case $1 in
    --whole) options=() ;;
    --warm) warm=$(cd "$2" && pwd -P); shift ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
cd "$(dirname "$0")/.."
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
for place in here/a there/is/another/place; do
    mkdir -p "$work/$place/source" "$work/$place/target"
    git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -cf - | tar -C "$work/$place/source" -xf -
    if [ -n "$warm" ]; then
        cp -a "$warm/." "$work/$place/target/"
        (cd "$work/$place/source" && CARGO_TARGET_DIR=$work/$place/target cargo clean --quiet --release -p cleanbill)
    fi
    "$work/$place/source/packaging/build.sh" "$work/$place/target" "${options[@]}"
done
for program in cleanbill cleanbill-daemon; do
    cmp "$work/here/a/target/release/$program" "$work/there/is/another/place/target/release/$program"
    sha256sum "$work/here/a/target/release/$program" | sed "s, .*,  $program is the same from two places,"
done
