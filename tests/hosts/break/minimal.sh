#!/bin/bash
# A server as Debian's installer leaves it, with every update installed and nothing set up by hand. Tree: patched.
root=${1:?usage: $0 ROOT}
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"
