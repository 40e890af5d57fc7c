#!/usr/bin/env bash
# The figures of the README: cleanbill against its peers, in one run on this machine. Whole-process figures, medians.
#   benches/figures.sh PROGRAM [RUNS]
# Needs root, GNU time and lynis (apt-get install time lynis). Shows ratios, because single times depend on the machine.
set -euo pipefail

program=${1:?"usage: benches/figures.sh PROGRAM [RUNS]"}
runs=${2:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"
# keep NAME RUNS COMMAND…: the medians into $work/NAME
keep() { local name=$1; shift; measure "$@" >"$work/$name"; }

get() { cut -d' ' -f"$2" "$work/$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }
row() { printf '%-44s %8s %8s %9s\n' "$1" "$(get "$2" 1)" "$(get "$2" 2)" "$(($(get "$2" 3) / 1024))"; }

db=$work/history.duckdb
"$program" audit --db "$db" >/dev/null
find / -xdev -type f -perm /6000 >/dev/null 2>&1 || true

keep walk "$runs" find / -xdev -type f -perm /6000
keep audit "$runs" "$program" audit --db "$db"
keep nostore "$runs" "$program" audit --no-store --db "$work/none"
keep html "$runs" "$program" report --db "$db" --output "$work/page.html"
keep help "$runs" "$program" --help

questions=$("$program" checks list --format json | grep -c '"check"')
files=$("$program" query --format csv 'select sum(files)::bigint as n from file_walk' | tail -1 | tr -d '\r')
printf '%s files, %s questions; %s\n\n' "$files" "$questions" "$(nproc) processors"
printf '%-44s %8s %8s %9s\n' 'median of '"$runs"' runs' 'CPU s' 'wall s' 'peak MB'
row 'cleanbill audit, stored' audit
row 'cleanbill audit --no-store' nostore
row 'find / -xdev -type f -perm /6000' walk
row 'cleanbill report (HTML, from the store)' html
row 'cleanbill --help' help
if command -v lynis >/dev/null; then
    keep lynis 1 lynis audit system --quick --no-colors --logfile /dev/null --report-file "$work/lynis.dat"
    row 'lynis audit system --quick (one run)' lynis
    printf '\nLynis uses %s x the CPU of cleanbill, and %s x its time.\n' \
        "$(ratio "$(get lynis 1)" "$(get audit 1)")" "$(ratio "$(get lynis 2)" "$(get audit 2)")"
else
    printf '\nlynis is not installed, so it was not measured.\n'
fi
printf 'cleanbill uses %s x the CPU of the bare walk.\n' "$(ratio "$(get audit 1)" "$(get walk 1)")"

printf '\nFifty-two weekly audits of this machine:\n'
for _ in $(seq 52); do "$program" audit --db "$work/year.duckdb" >/dev/null; done
printf '%s MB\n' "$(($(stat -c %s "$work/year.duckdb") / 1048576))"

printf '\nWhere the CPU goes (by part):\n'
"$program" audit --db "$db" --timings --output "$work/page.txt" 2>&1 || true
