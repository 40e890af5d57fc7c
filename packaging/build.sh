#!/bin/bash
# Builds the programs of a release: the same bytes from the same source, wherever the source and the result lie.
#   build.sh TARGET-DIR [CARGO-OPTION…]      they are in TARGET-DIR/release then
# Without options they are built whole, with DuckDB inside (about 40 CPU minutes).
set -euo pipefail

target=$(mkdir -p "$1" && cd "$1" && pwd -P); shift
[ $# -gt 0 ] || set -- --features bundled
cd "$(dirname "$0")/.."
source=$(pwd -P)
cargo=${CARGO_HOME:-$HOME/.cargo}
cargo=$(cd "$cargo" && pwd -P)

export CLEANBILL_CARGO=$cargo CLEANBILL_SOURCE=$source CLEANBILL_TARGET=$target
export CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 RUSTC_WRAPPER=$source/packaging/rustc.sh
case " $* " in
*' bundled '*)
    # C and C++ write the names of their files into what they make, too.
    maps="-ffile-prefix-map=$cargo=/cargo -ffile-prefix-map=$source=/cleanbill -ffile-prefix-map=$target=/target"
    export CFLAGS="${CFLAGS:-} $maps" CXXFLAGS="${CXXFLAGS:-} $maps"
    unset DUCKDB_LIB_DIR LD_LIBRARY_PATH
    ;;
esac
cargo build --release --locked --bins "$@"

for program in cleanbill cleanbill-daemon; do
    for place in "$cargo" "$source" "$target"; do
        if grep -qaF "$place/" "$target/release/$program"; then
            echo "build: $program names a place of this machine, $place" >&2
            exit 1
        fi
    done
done
