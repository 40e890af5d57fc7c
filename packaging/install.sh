#!/bin/sh
# Installs cleanbill from a server of releases:
#
#   sh install.sh [--version VERSION] [--channel stable|beta] [--prefix DIR] [--url URL] [--ca FILE] [--key FILE]
#   sh install.sh --uninstall [--prefix DIR]
#
# Without --prefix it goes to /usr/local for root, else to ~/.local. What a release says of itself is signed; that
# signature is checked before anything else of it is looked at, and nothing of it runs before. All that is put anywhere
# stands in PREFIX/share/cleanbill/installed.list, and --uninstall removes just that.
set -eu

# Where releases are; a release puts its own server here.
default_url=

# Whose releases are taken: the keys that the program itself trusts.
keys() {
    cat <<'KEYS'
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAysXBGhG49E/baS8N2O38JKyy9Z4RxFjgEhZ3bejK6bk=
-----END PUBLIC KEY-----
KEYS
}

say() { printf '%s\n' "$*"; }
die() {
    printf 'Nothing was installed: %s.\n' "$1" >&2
    [ -z "${2:-}" ] || printf '%s\n' "$2" >&2
    exit "${3:-3}"
}
have() { command -v "$1" >/dev/null 2>&1; }

# fetch PATH FILE MOST: a file of the server, over a locked line only, of at most so many bytes.
fetch() {
    rm -f "$work/failed"
    # The pipe ends what goes on for ever.
    { from_server "$1" 2>"$work/why" || : >"$work/failed"; } | head -c $(($3 + 1)) >"$2"
    [ "$(wc -c <"$2")" -le "$3" ] || die "$1 is larger than it may be"
    [ ! -e "$work/failed" ] || die "$1 could not be fetched from $url ($(tail -n 1 "$work/why"))"
}

from_server() {
    if have curl; then
        curl --fail --silent --show-error --location --max-redirs 5 --proto '=https' --proto-redir '=https' \
            --connect-timeout 20 --speed-limit 8192 --speed-time 30 --max-time 1800 ${ca:+--cacert "$ca"} "$url/$1"
    else
        wget --no-verbose --https-only --max-redirect=5 --timeout=30 --tries=1 ${ca:+--ca-certificate="$ca"} \
            --output-document=- "$url/$1"
    fi
}

# signed FILE SIGNATURE: whether one of the keys signed it.
signed() {
    rm -f "$work"/key.*
    if [ -n "$key" ]; then cat -- "$key"; else keys; fi |
        awk -v base="$work/key." '/BEGIN PUBLIC KEY/ { n++ } n { print > (base n) }'
    for public in "$work"/key.*; do
        [ -f "$public" ] || return 1
        if openssl pkeyutl -verify -pubin -inkey "$public" -rawin -in "$1" -sigfile "$2" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# field NAME TEXT: a value out of a signed JSON object on one line.
field() { printf '%s\n' "$2" | sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"; }

# before A B: whether one moment lies before another; both as 2026-11-26T00:00:00Z.
before() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | LC_ALL=C sort | head -n 1)" = "$1" ]; }

platform() {
    [ "$(uname -s)" = Linux ] || die "cleanbill looks after Linux machines, and this is $(uname -s)" '' 2
    case $(uname -m) in
    x86_64 | amd64) say x86_64-unknown-linux-gnu ;;
    aarch64 | arm64) say aarch64-unknown-linux-gnu ;;
    *) die "there is no cleanbill for this kind of machine ($(uname -m))" '' 2 ;;
    esac
}

# listed PATH: whether it was put there by an earlier run.
listed() { [ -f "$list" ] && grep -Fqx -- "$1" "$list"; }

# folder DIR: makes it, and writes down what it made.
folder() {
    [ ! -d "$1" ] || return 0
    folder "$(dirname "$1")"
    mkdir "$1"
    printf '%s/\n' "$1" >>"$work/list"
}

# may_write DIR: whether a folder can be written to, or made.
may_write() { if [ -e "$1" ]; then [ -d "$1" ] && [ -w "$1" ]; else may_write "$(dirname "$1")"; fi; }

install_all() {
    for tool in tar gzip openssl sha256sum awk sed sort mktemp; do
        have "$tool" || die "this needs the program $tool" "On Debian: sudo apt install $tool" 2
    done
    have curl || have wget || die 'this needs curl or wget' 'On Debian: sudo apt install curl' 2
    case $(openssl version) in
    'OpenSSL '[3-9]*) ;;
    *) die "OpenSSL 3 or newer is needed to check signatures, and this is $(openssl version)" '' 2 ;;
    esac
    [ -n "$url" ] || die 'no server of releases is named' 'Name it with --url https://…' 2
    case $url in https://*) ;; *) die "$url is no address that begins with https://" '' 2 ;; esac
    url=${url%/}
    if [ -e /usr/share/cleanbill/installed-by ]; then
        die 'cleanbill is installed from a package already' 'Update it with your package manager, or remove that package first' 2
    fi
    target=$(platform)
    if ! may_write "$prefix/bin"; then
        die "$prefix/bin cannot be written to" 'Run it with sudo, or give another folder with --prefix' 2
    fi

    if [ -n "$version" ]; then path=$version/manifest.json; else path=$channel.json; fi
    fetch "$path" "$work/manifest" 65536
    fetch "$path.sig" "$work/manifest.sig" 1024
    signed "$work/manifest" "$work/manifest.sig" ||
        die 'what the server says about its releases was not signed by us, or it was changed on the way'
    # From here on it is ours: one line of JSON.
    manifest=$(tr -d '\n' <"$work/manifest" | sed 's/": *"/":"/g; s/": */":/g; s/, *"/,"/g')
    [ "$(field format "$manifest")" = 1 ] || die 'what the server says is for a newer install.sh than this one'
    found=$(field version "$manifest")
    if [ -n "$version" ]; then
        [ "$found" = "$version" ] || die "the server was asked for $version, and answered with $found"
    else
        [ "$(field channel "$manifest")" = "$channel" ] || die "the server was asked for the channel $channel, and answered with another"
        now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
        before "$now" "$(field expires "$manifest")" ||
            die "the server says that $found is the newest release, but that held only until $(field expires "$manifest")"
    fi
    # shellcheck disable=SC2020 # each of the two is meant
    archive=$(printf '%s\n' "$manifest" | tr '{}' '\n\n' | grep -F "\"target\":\"$target\"" || true)
    [ -n "$archive" ] || die "cleanbill $found does not come for this kind of machine ($target)"
    file=$(field file "$archive") bytes=$(field bytes "$archive") sum=$(field sha256 "$archive")
    [ "$file" = "cleanbill-$found-$target.tar.gz" ] || die "the archive has an odd name ($file)"

    fetch "$found/$file" "$work/$file" "$bytes"
    [ "$(wc -c <"$work/$file")" -eq "$bytes" ] || die "$file is not as long as it should be"
    [ "$(sha256sum <"$work/$file" | cut -d ' ' -f 1)" = "$sum" ] || die "$file is not the archive that was announced"
    top=${file%.tar.gz}
    # Plain files below one folder, and nothing else.
    tar -tzf "$work/$file" >"$work/names" 2>/dev/null || die "$file is damaged"
    if grep -v "^$top/" "$work/names" | grep -q . || grep -q '\(^\|/\)\.\.\(/\|$\)' "$work/names" ||
        tar -tvzf "$work/$file" 2>/dev/null | grep -qv '^[-d]'; then
        die "$file holds what no release does"
    fi
    : >"$work/list"
    [ ! -f "$list" ] || cat "$list" >"$work/list"
    cp "$work/list" "$work/list.before"
    # Where it will lie, so that what runs there now is sure to run later.
    folder "$prefix"
    new=$(mktemp -d "$prefix/.cleanbill.XXXXXX")
    tar -xzf "$work/$file" -C "$new" --no-same-owner
    says=$("$new/$top/bin/cleanbill" --version 2>&1) || die "it does not run on this machine: $says"
    [ "$says" = "cleanbill $found" ] || die "it should be cleanbill $found, and says that it is $says"

    (cd "$new/$top" && find . -type f) | sed 's|^\./||' | LC_ALL=C sort >"$work/files"
    while read -r name; do
        to=$prefix/$name
        if [ -e "$to" ] && ! listed "$to"; then
            say "There was a $to already; its place is taken." >&2
        fi
        folder "$(dirname "$to")"
        printf '%s\n' "$to" >>"$work/list"
    done <"$work/files"
    folder "$(dirname "$list")"
    printf '%s\n' "$list" >>"$work/list"
    done=1
    # The list first: what is cut off now can still be removed by it.
    awk '!seen[$0]++' "$work/list" >"$list"
    while read -r name; do
        case $name in bin/*) chmod 755 "$new/$top/$name" ;; *) chmod 644 "$new/$top/$name" ;; esac
        mv -f "$new/$top/$name" "$prefix/$name"
    done <"$work/files"

    say "cleanbill $found is installed in $prefix."
    case :$PATH: in
    *":$prefix/bin:"*) program=cleanbill ;;
    *)
        program=$prefix/bin/cleanbill
        say "$prefix/bin is not where your shell looks for programs. To change that:"
        say "  export PATH=\"$prefix/bin:\$PATH\""
        ;;
    esac
    say "Look at this machine:    sudo $program"
    say "Keep it current:         ${sudo}$program self-update"
    say "Remove it again:         ${sudo}sh install.sh --uninstall --prefix $prefix"
}

# Folders that were made for nothing go, the deepest first.
undo_folders() {
    [ -f "$work/list.before" ] && [ -z "$done" ] || return 0
    grep '/$' "$work/list" | grep -Fvx -f "$work/list.before" | LC_ALL=C sort -r | while read -r path; do
        rmdir -- "$path" 2>/dev/null || true
    done
}

uninstall() {
    [ -f "$list" ] || die "$list is not there, so nothing was installed to $prefix by this" 'Give the folder with --prefix' 2
    if grep -qs "$prefix/bin/cleanbill" /etc/systemd/system/cleanbill*.service /etc/cron.d/cleanbill; then
        printf '%s\n' 'Nothing was removed: the schedule still starts this cleanbill.' \
            "First: sudo $prefix/bin/cleanbill schedule uninstall" >&2
        exit 2
    fi
    if [ ! -w "$prefix/bin" ]; then
        printf '%s\n' "Nothing was removed: $prefix/bin cannot be written to." 'Run it with sudo.' >&2
        exit 2
    fi
    # What self-update keeps beside the programs.
    rm -rf "$prefix/bin/.cleanbill.former" "$prefix/bin/.cleanbill-daemon.former" "$prefix/bin/.cleanbill.update"
    cp "$list" "$work/list"
    while read -r path; do
        case $path in "$prefix"/*[!/]) rm -f -- "$path" ;; esac
    done <"$work/list"
    # Folders last, the deepest first, and only such as are empty.
    grep '/$' "$work/list" | LC_ALL=C sort -r | while read -r path; do
        case $path in "$prefix"/*) rmdir -- "$path" 2>/dev/null || true ;; esac
    done
    say "cleanbill is gone from $prefix."
    say 'The history (/var/lib/cleanbill or ~/.local/share/cleanbill) and the settings (/etc/cleanbill) are yours, and stay.'
}

main() {
    url=${CLEANBILL_URL:-$default_url} version='' channel=stable prefix='' ca='' key='' remove=''
    if [ "$(id -u)" = 0 ]; then sudo='sudo '; else sudo=''; fi
    while [ $# -gt 0 ]; do
        case $1 in
        --uninstall) remove=1 ;;
        --help | -h)
            sed -n '2,/^set -eu$/s/^# \{0,1\}//p' "$0" 2>/dev/null || say 'See the head of install.sh.'
            exit 0
            ;;
        --version | --channel | --prefix | --url | --ca | --key)
            [ $# -ge 2 ] || die "$1 needs a value" '' 2
            case $1 in
            --version) version=${2#v} ;; --channel) channel=$2 ;; --prefix) prefix=$2 ;;
            --url) url=$2 ;; --ca) ca=$2 ;; --key) key=$2 ;;
            esac
            shift
            ;;
        *) die "$1 is not known" 'See: sh install.sh --help' 2 ;;
        esac
        shift
    done
    case $version in *[!0-9A-Za-z.+-]*) die "$version is no version" '' 2 ;; esac
    case $channel in stable | beta) ;; *) die "there is no channel $channel; there are stable and beta" '' 2 ;; esac
    if [ -z "$prefix" ]; then
        if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?}/.local; fi
    fi
    case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
    prefix=${prefix%/}
    list=$prefix/share/cleanbill/installed.list
    umask 022
    work=$(mktemp -d) new='' done=''
    # shellcheck disable=SC2154 # `code` is given where the trap runs
    trap 'code=$?; rm -rf ${new:+"$new"}; undo_folders; rm -rf "$work"; exit $code' EXIT
    trap 'exit 130' INT TERM HUP
    if [ -n "$remove" ]; then uninstall; else install_all; fi
}

# The last line: a script that was cut off on the way does nothing.
main "$@"
