#!/bin/bash
# Prints what stands in the programs besides our own code, with the licences: every crate, and DuckDB with its parts.
#   third-party.sh TARGET [CARGO-OPTION…]     TARGET as in x86_64-unknown-linux-gnu
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
target=$1; shift
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# What is only needed to build or to test is in no program.
cargo tree --locked --features bundled --target "$target" --edges normal --prefix none --format '{p}' "$@" |
    awk '$1 != "cleanbill" { print $1, substr($2, 2) }' | sort -u > "$work/in"
cargo metadata --format-version 1 --locked --features bundled --filter-platform "$target" "$@" |
    jq -r '.packages[] | [.name, .version, .license // "see its text", .repository // "", .manifest_path] | @tsv' |
    sort -u > "$work/all"
# Crates by name and version; the texts of their licences, each once, with the crates that have it.
awk -F '\t' 'NR == FNR { split($0, p, " "); in_it[p[1] " " p[2]] = 1; next } ($1 " " $2) in in_it' "$work/in" "$work/all" > "$work/crates"
[ "$(wc -l < "$work/crates")" = "$(wc -l < "$work/in")" ] || { echo "third-party: a crate is missing in the metadata" >&2; exit 1; }

mkdir "$work/texts" "$work/users"
while IFS=$'\t' read -r name version licence _ manifest; do
    found=
    while IFS= read -r text; do
        [ -s "$text" ] || continue
        sum=$(tr -d '\r' < "$text" | sed 's/[[:space:]]*$//' | tee "$work/text" | sha256sum | cut -c1-64)
        cp "$work/text" "$work/texts/$sum"
        echo "$name $version" >> "$work/users/$sum"
        found=1
    done < <(find "$(dirname "$manifest")" -maxdepth 2 -type f \
        \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'unlicense*' -o -path '*/LICENSES/*' \) \
        ! -name '*.rs' ! -name '*.html' | sort)
    [ -n "$found" ] || echo "$name $version ($licence)" >> "$work/without"
done < "$work/crates"

cat <<T
Besides its own code, cleanbill is made of the work of many others. Thank you.

T
awk -F '\t' '{ printf "%s %s   %s   %s\n", $1, $2, $3, $4 }' "$work/crates" | sed 's/ *$//'
printf 'DuckDB   MIT   https://duckdb.org\n'
if [ -s "$work/without" ]; then
    printf '\nThese bring no text of their licence; the texts of those licences stand below:\n'
    cat "$work/without"
fi
printf '\n\n%s\n\n' '==== DuckDB ===='
cat packaging/duckdb.txt
for text in "$work/texts"/*; do
    printf '%s\t%s\n' "$(head -1 "$work/users/${text##*/}")" "$text"
done | sort | cut -f2 | while IFS= read -r text; do
    printf '\n\n==== %s ====\n\n' "$(paste -sd, "$work/users/${text##*/}" | sed 's/,/, /g')"
    cat "$text"
done
