#!/bin/sh
# Looks at an image, fixes what can be fixed without asking anybody, and fails when something of weight is left.
#   sh fix-image.sh ROOTFS RESULTS
# ROOTFS is the folder with the files of the image. RESULTS gets:
#   before.json  what was found           fixes.xml   what was fixed, as JUnit
#   after.json   what is left             after.html  the same for people
# Exit codes: 0 nothing of weight is left, 1 something is, 2 and 3 it could not be done.
set -eu
rootfs=$1
results=$2
mkdir -p -- "$results"
# 1 is an answer, 2 and 3 are not.
answered() { code=0; "$@" || code=$?; [ "$code" -le 1 ] || exit "$code"; }
# A history of its own: the next step of the pipeline can still take everything back with
# `cleanbill undo --root ROOTFS --db RESULTS/history.duckdb`.
CLEANBILL_DB=$results/history.duckdb
export CLEANBILL_DB

cleanbill audit --root "$rootfs" --format json --output "$results/before.json"

# What it would do stands in the log before it is done. Exit code 1: there is something to do.
answered cleanbill fix --root "$rootfs" --all --dry-run

# Exit code 1: a fix needs an answer or a person. The audit below says whether that is bad enough to stop.
answered cleanbill fix --root "$rootfs" --all --yes --format junit >"$results/fixes.xml"

cleanbill report --output "$results/after.html"
cleanbill audit --root "$rootfs" --format json --output "$results/after.json" --fail-on high
