#!/bin/sh
# Finds DuckDB's library for the quick build and prints the settings as shell assignments:
#   eval "$(scripts/duckdb.sh)"
# Compiling DuckDB from source takes about 40 CPU minutes, so the official library of the same version is taken from
# its npm package, at a pinned version and checksum. Where that cannot be had, CLEANBILL_FEATURES=bundled is printed
# and cargo compiles DuckDB. What was chosen is said on stderr.
set -eu

version=1.5.5-r.5
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cleanbill/duckdb/$version

bundled() {
    echo "duckdb: $1, so it is compiled from source: this takes about 40 CPU minutes, once" >&2
    echo "CLEANBILL_FEATURES=bundled; export CLEANBILL_FEATURES; unset DUCKDB_LIB_DIR"
    exit 0
}

linked() {
    echo "duckdb: the official library $version in $1" >&2
    printf "DUCKDB_LIB_DIR='%s'; LD_LIBRARY_PATH='%s'; CLEANBILL_FEATURES=\n" "$1" "$1"
    echo "export DUCKDB_LIB_DIR LD_LIBRARY_PATH CLEANBILL_FEATURES"
    exit 0
}

[ "${CLEANBILL_BUNDLED:-}" ] && bundled "CLEANBILL_BUNDLED is set"
[ "$(uname -s)" = Linux ] || bundled "there is no library for $(uname -s)"
case $(uname -m) in
x86_64)
    arch=x64
    sum=902caae815e19fa4177f017cc957552ab8924873feadf556709e7a706f2a67394e669c72bd3e561a6ea332c871838762b4b94eb07b0837f0f8ed162b7235ee1d
    ;;
aarch64)
    arch=arm64
    sum=09a7c7d8022f5eda700f29c6dca07fe2e10e1d11a516807b6ae091308c07dc128d2286ec00d5792d2a43277b5fc9108522c2ba7bc013d5eb1e5959eed83bf773
    ;;
*) bundled "there is no library for $(uname -m)" ;;
esac

[ -f "$cache/libduckdb.so" ] && linked "$cache"
command -v npm >/dev/null 2>&1 || bundled "npm is not installed (with it the build takes minutes: apt-get install npm)"

mkdir -p "$cache"
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@duckdb/node-bindings-linux-$arch@$version") >/dev/null 2>&1 ||
    bundled "npm could not fetch the library"
for archive in "$work"/*.tgz; do
    echo "$sum  $archive" | sha512sum --check --status || {
        echo "duckdb: the checksum of the fetched library is wrong, it is not used" >&2
        bundled "the library could not be trusted"
    }
    tar -xzf "$archive" -C "$work" --strip-components=1 package/libduckdb.so package/LICENSE
done
# Last, so that a half-fetched library is never taken for a whole one.
mv "$work/LICENSE" "$cache/LICENSE"
mv "$work/libduckdb.so" "$cache/libduckdb.so"
linked "$cache"
