#!/bin/bash
# A server set up in a hurry and left alone: root by password from anywhere, and no update since. Tree: full.
root=${1:?usage: $0 ROOT}
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"

echo "root:$(head -c 12 /dev/urandom | base64)" | in_host chpasswd
put /etc/ssh/sshd_config.d/00-quick.conf <<'C'
PermitRootLogin yes
C
