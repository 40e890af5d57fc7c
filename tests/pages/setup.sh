#!/bin/bash
# Installs what looks at the pages: a browser, what drives it, checkers of accessibility, of markup and of PDF.
# Into $CLEANBILL_PAGES (else ~/.cache/cleanbill/pages); says nothing and takes no time when all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=${CLEANBILL_PAGES:-$HOME/.cache/cleanbill/pages}

want=()
for pair in chromium:chromium node:nodejs npm:npm java:default-jre-headless qpdf:qpdf pdftotext:poppler-utils; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || want+=("${pair##*:}")
done
if [ ${#want[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || { echo "setup: root must install ${want[*]}" >&2; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    # A third-party source that does not answer must not stop us: what counts is whether the packages arrive.
    apt-get update -q >/dev/null 2>&1 || true
    apt-get install -y -q --no-install-recommends "${want[@]}" >/dev/null
fi

mkdir -p "$to"
# Only what the lock file names by its hash; nothing of it runs while it is installed.
if ! cmp -s "$here/package-lock.json" "$to/package-lock.json" || [ ! -d "$to/node_modules" ]; then
    cp "$here/package.json" "$here/package-lock.json" "$to/"
    (cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --silent) || { rm -f "$to/package-lock.json"; exit 1; }
fi
