#!/bin/sh
# Audits an image in a pipeline, fixes it where that is asked for, and fails when something of weight is left.
#
#   sh cleanbill.sh          all of it
#   sh cleanbill.sh look     all but the verdict, so that results can be sent somewhere before a pipeline stops
#   sh cleanbill.sh judge    the verdict
#
# What it shall do stands in the environment:
#   CLEANBILL_ROOT     folder with the files of the image; / is this machine
#   CLEANBILL_IMAGE    instead of it: a tar archive, of an image (docker save, OCI) or of its files (docker export)
#   CLEANBILL_NAME     what the image is called, where findings of several come together [its host name]
#   CLEANBILL_OUTPUT   folder for the results [cleanbill-results]
#   CLEANBILL_FAIL_ON  critical, high, medium, low, info or never [high]
#   CLEANBILL_FIX      true fixes what can be fixed, safe only what breaks nothing, false nothing [false]
#   CLEANBILL_ANSWER   what fixes ask: ID=VALUE, several with spaces between
#   CLEANBILL_ONLY     only these checks or areas, with spaces between
#   CLEANBILL_SKIP     without these
#   CLEANBILL_SUDO     true works as root by sudo, because the files of an image belong to root [false]
#   CLEANBILL_VERSION  the version that is installed where cleanbill is missing [the newest]
#   CLEANBILL_URL      where releases are
#
# Exit codes: 0 nothing of weight is left, 1 something is, 2 wrong settings, 3 it could not be done.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
output=${CLEANBILL_OUTPUT:-cleanbill-results}
fail_on=${CLEANBILL_FAIL_ON:-high}
fix=${CLEANBILL_FIX:-false}

say() { printf '%s\n' "$*" >&2; }
# The last words of a step that fails, shown by GitHub beside the step.
stop() {
    code=$1
    shift
    if [ "${GITHUB_ACTIONS:-}" = true ]; then
        printf '::error title=cleanbill::%s\n' "$(printf '%s' "$*" | tr '\r\n' '  ' | sed 's/%/%25/g')"
    else
        say "cleanbill.sh: $*"
    fi
    exit "$code"
}
have() { command -v "$1" >/dev/null 2>&1; }

# Of a program of ours 0 and 1 are answers; 2 and 3 end this.
answered() {
    code=0
    "$@" || code=$?
    [ "$code" -le 1 ] || stop "$code" "$failed Exit code $code; what it said stands above."
}

# The report of the last audit, compared with the one before the fixes; how its file ends says what is written.
report() {
    cleanbill report --compare "${before:-last}" --output "$1" 2>"$work/said" || {
        cat "$work/said" >&2
        stop 3 "The report could not be written; what cleanbill said stands above."
    }
}

settings() {
    case $output in '' | *'
'*) stop 2 "The folder for the results has no usable name." ;; esac
    case $fail_on in
    critical | high | medium | low | info | never) ;;
    *) stop 2 "To fail on '$fail_on' is not possible: give critical, high, medium, low, info or never." ;;
    esac
    case $fix in
    true | safe | false) ;;
    *) stop 2 "To fix '$fix' is not possible: give true, safe or false." ;;
    esac
    case ${CLEANBILL_NAME:-} in
    *[!A-Za-z0-9._/-]*) stop 2 "The name of an image has letters, digits and the signs . _ / - only." ;;
    esac
}

# Whatever is asked, an option of cleanbill comes from here only: each word becomes a value.
words() {
    flag=$1
    set -f
    # shellcheck disable=SC2086 # words are wanted
    for word in $2; do printf '%s\n' "$flag=$word"; done
    set +f
}

install_cleanbill() {
    if have cleanbill; then
        is=$(cleanbill --version) || stop 3 "The cleanbill that is here does not start."
        case ${CLEANBILL_VERSION:+"$is"} in '' | *" $CLEANBILL_VERSION") ;;
        *) say "$is is here already and is used; $CLEANBILL_VERSION was asked for." ;;
        esac
        return
    fi
    [ -n "${CLEANBILL_URL:-}" ] || stop 2 "cleanbill is not installed here, and CLEANBILL_URL does not say where releases are."
    prefix=$(mktemp -d)
    if have curl; then
        curl --fail --silent --show-error --location --proto '=https,file' --proto-redir '=https' \
            --output "$prefix/install.sh" "$CLEANBILL_URL/install.sh"
    elif have wget; then
        wget -q -O "$prefix/install.sh" "$CLEANBILL_URL/install.sh"
    else
        stop 3 "cleanbill is not installed here, and neither curl nor wget is there to fetch it."
    fi || stop 3 "install.sh could not be fetched from $CLEANBILL_URL."
    sh "$prefix/install.sh" ${CLEANBILL_VERSION:+--version "$CLEANBILL_VERSION"} --prefix "$prefix" --url "$CLEANBILL_URL" >&2 ||
        stop 3 "cleanbill could not be installed; what install.sh said stands above."
    PATH=$prefix/bin:$PATH
    export PATH
    have cleanbill || stop 3 "install.sh installed no cleanbill in $prefix/bin."
}

# The files of an image archive, in the folder $2.
unpack() {
    image=$1
    to=$2
    [ -f "$image" ] || stop 2 "There is no image archive $image. A folder of files is a root, not an image."
    tar -tf "$image" >"$work/names" 2>/dev/null || stop 2 "$image is no tar archive."
    rm -rf -- "$to"
    mkdir -p -- "$to"
    has() { grep -qx -e "$1" -e "./$1" "$work/names"; }
    if ! has manifest.json && ! has oci-layout; then
        grep -q -e '^\(\./\)\{0,1\}etc/' "$work/names" || stop 2 "$image holds neither an image nor the files of one."
        tar -xpf "$image" -C "$to" --numeric-owner || stop 3 "$image could not be unpacked."
        return
    fi
    # A docker that has no daemon, or does not know the archive, leaves it to the next one.
    for engine in docker podman; do
        if have "$engine" && by_engine "$engine"; then return; fi
    done
    if have umoci && by_umoci; then return; fi
    stop 3 "$image is an image, and nothing here could unpack it: that takes docker, podman, or umoci (with skopeo where docker save made it). Or unpack it yourself, and name the folder as the root."
}

by_engine() {
    loaded=$("$1" load --input "$image" 2>"$work/said") || return 1
    name=$(printf '%s\n' "$loaded" | sed -n 's/^Loaded image\( ID\)\{0,1\}: *//p' | head -n 1)
    [ -n "$name" ] || return 1
    # An image may say nothing of what it runs; it is never started.
    id=$("$1" create "$name" /bin/true 2>>"$work/said") || return 1
    code=0
    "$1" export "$id" >"$work/files.tar" 2>>"$work/said" || code=$?
    "$1" rm "$id" >/dev/null 2>&1 || true
    [ "$code" = 0 ] && tar -xpf "$work/files.tar" -C "$to" --numeric-owner && rm -f "$work/files.tar"
}

by_umoci() {
    layout=$work/layout
    if has oci-layout; then
        mkdir -p "$layout" && tar -xf "$image" -C "$layout" || return 1
        # The first image that the archive names.
        tag=$(umoci ls --layout "$layout" 2>/dev/null | head -n 1)
    else
        have skopeo && skopeo --insecure-policy copy --quiet "docker-archive:$image" "oci:$layout:image" >&2 || return 1
        tag=image
    fi
    [ -n "$tag" ] || return 1
    rootless=
    [ "$(id -u)" = 0 ] || rootless=--rootless
    umoci raw unpack ${rootless:+"$rootless"} --image "$layout:$tag" "$work/rootfs" >&2 || return 1
    rm -rf -- "$to"
    mv -- "$work/rootfs" "$to"
}

audit() {
    failed="The audit could not be made."
    set --
    [ "$fail_on" = never ] || set -- --fail-on="$fail_on"
    [ "$root" = / ] || set -- "$@" --root="$root"
    words --only "${CLEANBILL_ONLY:-}" >"$work/words"
    words --skip "${CLEANBILL_SKIP:-}" >>"$work/words"
    while IFS= read -r word; do set -- "$@" "$word"; done <"$work/words"
    answered cleanbill audit "$@"
    left=$code
}

fix_it() {
    [ "$root" != / ] || stop 2 "A pipeline fixes images, not the machine it runs on: give a root or an image."
    set -- --root="$root"
    [ "$fix" = true ] || set -- "$@" --safe-only
    words --answer "${CLEANBILL_ANSWER:-}" >"$work/words"
    while IFS= read -r word; do set -- "$@" "$word"; done <"$work/words"
    if [ -z "${CLEANBILL_ONLY:-}${CLEANBILL_SKIP:-}" ]; then
        [ "$fix" = safe ] || set -- "$@" --all
    else
        # The problems of that audit which can be fixed, each an event of a line.
        report "$work/events.jsonl"
        grep '"status_code":"problem"' "$work/events.jsonl" | grep '[^\\]\\nLet it be done: ' | grep -v '"related_events"' |
            sed -n 's/.*"event_code":"\([A-Za-z0-9._-]*\)".*/\1/p' >"$work/words" || true
        if [ ! -s "$work/words" ]; then
            say "None of these problems can be fixed by cleanbill."
            return
        fi
        while IFS= read -r word; do set -- "$@" "$word"; done <"$work/words"
    fi
    failed="The fixes could not be made."
    # What it would do stands in the log before it is done. Exit code 1: there is something to do.
    answered cleanbill fix "$@" --dry-run
    # Exit code 1: a fix needs an answer or a person. The audit after it says whether that is bad enough to stop.
    answered cleanbill fix "$@" --yes --format junit >"$output/fixes.xml"
}

look() {
    if [ "${CLEANBILL_SUDO:-false}" = true ] && [ "$(id -u)" != 0 ]; then
        if have sudo && sudo -n true 2>/dev/null; then
            by_root
            return
        fi
        say "sudo does not work here without a password: files of an image may seem to belong to the wrong people."
    fi
    mkdir -p -- "$output"
    rm -f -- "$output/verdict"
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    if [ -n "${CLEANBILL_IMAGE:-}" ]; then
        [ -z "${CLEANBILL_ROOT:-}" ] || stop 2 "Give a root or an image, not both."
        root=$output/rootfs
        unpack "$CLEANBILL_IMAGE" "$root"
    else
        root=${CLEANBILL_ROOT:-}
        [ -n "$root" ] || stop 2 "Say what to look at: CLEANBILL_ROOT or CLEANBILL_IMAGE."
        [ -d "$root" ] || stop 2 "There is no folder $root to look at."
    fi
    install_cleanbill
    # A history of its own: the next step of the pipeline can still take everything back with
    # `cleanbill undo --root ROOT --db OUTPUT/history.duckdb`.
    CLEANBILL_DB=$output/history.duckdb
    export CLEANBILL_DB
    audit
    if [ "$fix" != false ]; then
        report "$output/before.json"
        fix_it
        before=$(sed -n '/^  "audit": {$/,/^  }/s/^    "id": \([0-9]*\),$/\1/p' "$output/before.json")
        audit
    fi
    for ending in json sarif xml html md jsonl; do report "$output/cleanbill.$ending"; done
    if [ -n "${CLEANBILL_NAME:-}" ]; then
        # By this code hosts know what a later run replaces.
        sed "/^      \"automationDetails\": {\$/,/^      }/s|\"id\": \"cleanbill/.*\"|\"id\": \"cleanbill/$CLEANBILL_NAME/\"|" \
            "$output/cleanbill.sarif" >"$work/sarif"
        cat "$work/sarif" >"$output/cleanbill.sarif"
    fi
    printf '%s\n' "$left" >"$output/verdict"
    tell
}

# What GitHub shows of a run, and what later steps can use.
tell() {
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
        # More than a megabyte is refused.
        head -c 900000 "$output/cleanbill.md" >>"$GITHUB_STEP_SUMMARY"
    fi
    if [ -n "${GITHUB_OUTPUT:-}" ]; then
        {
            printf 'results=%s\nsarif=%s/cleanbill.sarif\njunit=%s/cleanbill.xml\nroot=%s\n' "$output" "$output" "$output" "$root"
            sed -n 's/^  "grade": "\([A-F]\)",$/grade=\1/p; s/^  "risk": \([0-9.]*\),$/risk=\1/p' "$output/cleanbill.json"
        } >>"$GITHUB_OUTPUT"
    fi
}

# The same as root, with these settings and no others; the results belong to who asked.
by_root() {
    code=0
    sudo -n env "PATH=$PATH" "HOME=$HOME" "CLEANBILL_ROOT=${CLEANBILL_ROOT:-}" "CLEANBILL_IMAGE=${CLEANBILL_IMAGE:-}" \
        "CLEANBILL_NAME=${CLEANBILL_NAME:-}" "CLEANBILL_OUTPUT=$output" "CLEANBILL_FAIL_ON=$fail_on" "CLEANBILL_FIX=$fix" \
        "CLEANBILL_ANSWER=${CLEANBILL_ANSWER:-}" "CLEANBILL_ONLY=${CLEANBILL_ONLY:-}" "CLEANBILL_SKIP=${CLEANBILL_SKIP:-}" \
        "CLEANBILL_VERSION=${CLEANBILL_VERSION:-}" "CLEANBILL_URL=${CLEANBILL_URL:-}" \
        "GITHUB_ACTIONS=${GITHUB_ACTIONS:-}" "GITHUB_OUTPUT=${GITHUB_OUTPUT:-}" \
        "GITHUB_STEP_SUMMARY=${GITHUB_STEP_SUMMARY:-}" sh "$here/$(basename "$0")" look || code=$?
    for file in "$output" "$output"/cleanbill.* "$output"/before.json "$output"/fixes.xml "$output"/verdict; do
        [ ! -e "$file" ] || sudo -n chown -h "$(id -u):$(id -g)" "$file"
    done
    [ "$code" = 0 ] || exit "$code"
}

judge() {
    [ -s "$output/verdict" ] || stop 3 "Nothing was looked at: there is no verdict in $output."
    case $(cat "$output/verdict") in
    0) ;;
    *) stop 1 "Something is left that is $fail_on or worse: see $output/cleanbill.html." ;;
    esac
}

settings
case ${1:-all} in
all)
    look
    judge
    ;;
look) look ;;
judge) judge ;;
*) stop 2 "There is no step '$1': give look, judge or nothing." ;;
esac
