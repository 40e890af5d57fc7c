#!/bin/bash
# Builds the programs of a release: the same bytes from the same source, wherever the source and the result lie.
#   build.sh TARGET-DIR [--linked]      they are in TARGET-DIR/release then
# They are built whole, with DuckDB inside (about 40 CPU minutes); with --linked, with its official library beside them.
set -euo pipefail

target=$(mkdir -p "$1" && cd "$1" && pwd -P)
case ${2:-} in
'') options=(--features bundled) ;;
--linked) options=() ;;
*) echo "build: what is $2?" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
source=$(pwd -P)
cargo=${CARGO_HOME:-$HOME/.cargo}
cargo=$(cd "$cargo" && pwd -P)

export CLEANBILL_CARGO=$cargo CLEANBILL_SOURCE=$source CLEANBILL_TARGET=$target
export CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 RUSTC_WRAPPER=$source/packaging/rustc.sh
if [ ${#options[@]} = 0 ]; then
    settings=$(scripts/duckdb.sh); eval "$settings"
else
    # C and C++ write the names of their files into what they make, too.
    maps="-ffile-prefix-map=$cargo=/cargo -ffile-prefix-map=$source=/cleanbill -ffile-prefix-map=$target=/target"
    export CFLAGS="${CFLAGS:-} $maps" CXXFLAGS="${CXXFLAGS:-} $maps"
    unset DUCKDB_LIB_DIR LD_LIBRARY_PATH
fi
cargo build --release --locked --bins "${options[@]}"

for program in cleanbill cleanbill-daemon; do
    for place in "$cargo" "$source" "$target"; do
        if grep -qaF "$place/" "$target/release/$program"; then
            echo "build: $program names a place of this machine, $place" >&2
            exit 1
        fi
    done
done
