#!/bin/sh
# Writes a small history with this release, as the tests of later ones need it: tests/fixtures/stores/VERSION.duckdb.gz.
# Once for each release that changed the schema; what is there is never written anew.
#   scripts/store-fixture.sh PROGRAM
set -eu
program=$1
version=$("$program" --version); version=${version#cleanbill }
target=$(cd "$(dirname "$0")/.." && pwd)/tests/fixtures/stores/$version.duckdb.gz
[ ! -e "$target" ] || { echo "$target is there already" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
root=$work/root
CLEANBILL_DB=$work/history.duckdb
export CLEANBILL_DB
unset CLEANBILL_CONFIG

mkdir -p "$root/etc/ssh" "$root/usr/lib" "$root/root"
printf 'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n' >"$root/etc/os-release"
echo web01 >"$root/etc/hostname"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
printf 'root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo 'root:*:19000:0:99999:7:::' >"$root/etc/shadow"
printf 'PermitRootLogin yes\nPasswordAuthentication yes\n' >"$root/etc/ssh/sshd_config"
chmod 666 "$root/etc/passwd"

answered() { code=0; "$@" >/dev/null || code=$?; [ "$code" -le 1 ] || exit "$code"; }
answered "$program" audit --root "$root"
answered "$program" waive second-root --reason 'a spare key' --until 2099-01-01 --by anna
answered "$program" audit --root "$root"
answered "$program" fix --root "$root" --all --yes
answered "$program" collect --every 200ms --for 1s --only cpu,load,memory
mkdir -p "$(dirname "$target")"
gzip -9nc "$CLEANBILL_DB" >"$target"
