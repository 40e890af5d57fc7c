#!/usr/bin/env bash
# The figures of the reports: page and PDF against WeasyPrint and a headless browser that print the same page, in one
# run on this machine. Whole-process figures, medians.
#   benches/report.sh PROGRAM FOLDER [RUNS]
# FOLDER holds the history of the recorded host `typical`:
#   CLEANBILL_SAMPLE_STORES=FOLDER cargo test --release --test samples -- --ignored
# Needs GNU time, and DuckDB for Python (pip install duckdb) for the history with 5,000 problems; WeasyPrint (pip install
# weasyprint) and chromium are measured where they are installed.
set -euo pipefail

program=${1:?"usage: benches/report.sh PROGRAM FOLDER [RUNS]"}
stores=${2:?"usage: benches/report.sh PROGRAM FOLDER [RUNS]"}
runs=${3:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"

# row NAME FILE RUNS COMMAND…
row() {
    local name=$1 file=$2 count=$3 figures
    shift 3
    figures=$(measure "$count" "$@")
    # shellcheck disable=SC2086 # three figures
    set -- $figures
    printf '%-44s %8s %8s %8s %9s\n' "$name" "$1" "$2" "$(($3 / 1024))" "$(($(stat -c %s "$file" 2>/dev/null || echo 0) / 1024))"
}

printf '%-44s %8s %8s %8s %9s\n' "median of $runs runs" 'CPU s' 'wall s' 'peak MB' 'file KB'
hosts=(typical)
cp "$stores/typical.duckdb" "$work/typical.duckdb"
if python3 -c 'import duckdb' 2>/dev/null; then
    hosts+=(5000)
    cp "$stores/typical.duckdb" "$work/5000.duckdb"
    python3 - "$work/5000.duckdb" <<'PYTHON'
import duckdb, sys
history = duckdb.connect(sys.argv[1])
last = history.execute("select max(id) from audits").fetchone()[0]
history.execute(f"""
    insert into findings select {last}, 'made-up-' || i, 'problem', if(i % 4 = 0, 'medium', 'low'),
        'Problem number ' || i || ' was found on this machine in /srv/data/' || i, 2, null, false, null from range(5000) t(i)""")
history.execute(f"""
    insert into evidence select {last}, 'made-up-' || i, n, 'file /srv/data/' || i || '/part-' || n ||
        ' can be changed by everyone', '/srv/data/' || i, n from range(5000) t(i), range(2) u(n)""")
PYTHON
fi
for host in "${hosts[@]}"; do
    db=$work/$host.duckdb
    "$program" report --db "$db" --output "$work/$host.html" >/dev/null 2>&1
    few=$runs
    [ "$host" = typical ] || few=1
    row "$host: cleanbill, JSON (the history alone)" "$work/$host.json" "$runs" \
        "$program" report --db "$db" --format json --output "$work/$host.json"
    row "$host: cleanbill, HTML" "$work/$host.html" "$runs" "$program" report --db "$db" --output "$work/$host.html"
    row "$host: cleanbill, PDF" "$work/$host.pdf" "$runs" \
        "$program" report --db "$db" --format pdf --output "$work/$host.pdf"
    if command -v weasyprint >/dev/null; then
        row "$host: WeasyPrint prints the HTML" "$work/w.pdf" "$few" weasyprint -q "$work/$host.html" "$work/w.pdf"
    fi
    if command -v chromium >/dev/null; then
        row "$host: Chromium prints the HTML" "$work/c.pdf" "$few" chromium --headless --no-sandbox --disable-gpu \
            --disable-background-networking --user-data-dir="$work/browser" --print-to-pdf="$work/c.pdf" \
            "file://$work/$host.html"
    fi
done
