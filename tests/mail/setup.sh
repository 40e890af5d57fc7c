#!/bin/bash
# Installs the mail server of the tests, a Python environment with aiosmtpd: into $CLEANBILL_MAIL_SINK (else
# ~/.cache/cleanbill/mail-sink). Says where its Python is; takes no time when all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=${CLEANBILL_MAIL_SINK:-$HOME/.cache/cleanbill/mail-sink}

command -v python3 >/dev/null 2>&1 || { echo "setup: python3 is missing" >&2; exit 1; }
mkdir -p "$to"
# Tests that start at the same moment install it once.
exec 9>"$to/lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$to/requirements.txt" || ! "$to/venv/bin/python" -c 'import aiosmtpd' 2>/dev/null; then
    rm -rf "$to/venv" "$to/requirements.txt"
    python3 -m venv "$to/venv"
    "$to/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
        -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$to/requirements.txt"
fi
echo "$to/venv/bin/python"
