#!/bin/bash
# Installs the programs that make packages, at fixed versions, into a folder of their own, and prints the folder with
# them. Says nothing more and takes no time when all are there.
#   tools.sh [NAME…]       only these
set -euo pipefail

into=${CLEANBILL_TOOLS:-$HOME/.cache/cleanbill/tools}
tools=(zipsign@0.2.2 cargo-generate-rpm@0.21.1 cargo-deb@3.8.0 cargo-cyclonedx@0.5.9)

# They are programs for a minute: built with little optimisation they are there in half the time.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
# One folder for what they have in common; gone at the end.
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

has() { # NAME VERSION
    [ -x "$into/bin/$1" ] && grep -qs "^\"$1 $2 " "$into/.crates.toml"
}

for tool in "${tools[@]}"; do
    name=${tool%@*}
    [[ $# = 0 || " $* " == *" $name "* ]] || continue
    has "$name" "${tool#*@}" && continue
    echo "tools: $name is built, once" >&2
    CARGO_TARGET_DIR=$work cargo install --quiet --locked --root "$into" "$tool" >&2
done
echo "$into/bin"
