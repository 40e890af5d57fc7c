#!/usr/bin/env bash
# How much `cleanbill fix --all --yes` hardens a fresh Debian host, by the measure of others: Lynis' hardening index, and
# the scores of OpenSCAP's guides. Afterwards the services must still answer, a second audit must find nothing of what
# was said to be fixed, and one `cleanbill undo` must restore every file; else it ends with 1.
#   benches/hardening.sh PROGRAM [TREE]      TREE of tests/hosts/rootfs.sh, or a path [default: patched]
# Needs root, jq and lynis. Guides are those of the package ssg-debian for the release of the tree, or SCAP_CONTENT=FILE,
# such as the ssg-debian12-ds.xml of a newer one; SCAP_PROFILES="NAME…" takes others of its profiles. They are evaluated
# in the host by oscap (openscap-scanner), of the tree or of this machine. Packages that fixes install must lie in the
# tree's /var/cache/apt/archives, as its hosts lead nowhere.
set -euo pipefail

program=$(readlink -f "${1:?"usage: benches/hardening.sh PROGRAM [TREE]"}")
tree=${2:-patched}
here=$(readlink -f "$(dirname "$0")/..")
host=$here/tests/hosts/host.sh
name=cb-$$-hard
work=$(mktemp -d)
export LC_ALL=C.UTF-8 CLEANBILL_HOST_OWNER=$$ CLEANBILL_HOST_SIZE=3g
trap '"$host" down "$name"; rm -rf "$work"' EXIT

on() { "$host" exec "$name" "$@"; }
say() { printf '%-52s %s\n' "$1" "$2"; }
wrong=()
# must_be_none WHAT FOUND: said either way, and wrong where there is something.
must_be_none() {
    say "$1" "${2:-none}"
    [ -z "$2" ] || wrong+=("$1: $2")
}

"$host" up "$name" "$tree"
root=$("$host" root "$name")
"$host" push "$name" "$program" /usr/local/bin/cleanbill
if [ -n "${DUCKDB_LIB_DIR:-}" ]; then
    "$host" push "$name" "$DUCKDB_LIB_DIR/libduckdb.so" /usr/local/lib/libduckdb.so
    on /sbin/ldconfig
fi
# carry PROGRAM NAME: into the host with the libraries of this machine, which an older Debian lacks.
carry() {
    local called=$2
    mkdir "$work/$called"
    cp -L "$1" "$work/$called/$called"
    ldd "$1" | grep -o '/[^ ]*' | xargs -I{} cp -L {} "$work/$called/"
    "$host" push "$name" "$work/$called" "/opt/$called"
    # shellcheck disable=SC2016  # expanded in the host
    on sh -c 'printf "#!/bin/sh\nexec %s --library-path /opt/$1 /opt/$1/$1 \"\$@\"\n" "$(ls /opt/$1/ld-linux-*)" >"/usr/local/bin/$1"
        chmod 755 "/usr/local/bin/$1"' sh "$called"
}
on cleanbill --version >/dev/null 2>&1 || carry "$program" cleanbill
cleanbill() { on cleanbill "$@"; }

# Someone who may become administrator and has a key, as on any server that is looked after.
on sh -c 'useradd -m -s /bin/bash -G sudo ann; mkdir -p -m 700 /home/ann/.ssh; ssh-keygen -q -t ed25519 -N "" -f /root/ann
    cp /root/ann.pub /home/ann/.ssh/authorized_keys; chmod 600 /home/ann/.ssh/authorized_keys; chown -R ann: /home/ann/.ssh
    echo "ann ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/ann; chmod 440 /etc/sudoers.d/ann'

lynis_index() {
    [ -f /usr/share/lynis/lynis ] || [ -d /usr/share/lynis ] || return 0
    if [ ! -d "$root/opt/lynis" ]; then
        "$host" push "$name" /usr/share/lynis /opt/lynis/share
        "$host" push "$name" /etc/lynis /opt/lynis/etc
        "$host" push "$name" "$(command -v lynis)" /opt/lynis/lynis
    fi
    on sh -c 'mkdir -p /usr/share/lynis /etc/lynis; mount --bind /opt/lynis/share /usr/share/lynis
        mount --bind /opt/lynis/etc /etc/lynis
        sh /opt/lynis/lynis audit system --quick --no-colors --logfile /dev/null --report-file /run/lynis.dat >/dev/null 2>&1
        sed -n "s/^hardening_index=//p" /run/lynis.dat; umount /usr/share/lynis /etc/lynis; rmdir /usr/share/lynis /etc/lynis' |
        tail -1
}

release=$(sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' "$root/etc/os-release")
content=${SCAP_CONTENT:-/usr/share/xml/scap/ssg/content/ssg-debian$release-ds.xml}
[ -f "$content" ] || [ -z "${SCAP_CONTENT:-}" ] || { echo "there is no file $content" >&2; exit 2; }
case $release in
    11) profiles='standard anssi_np_nt28_high' ;;
    *) profiles='standard cis_level1_server cis_level2_server anssi_bp28_intermediary anssi_bp28_high' ;;
esac
profiles=${SCAP_PROFILES:-$profiles}
scap=
if [ -f "$content" ]; then
    if [ ! -x "$root/usr/bin/oscap" ] && command -v oscap >/dev/null; then
        carry "$(command -v oscap)" oscap
        "$host" push "$name" /usr/share/openscap /usr/share/openscap
    fi
    if on oscap --version >/dev/null 2>&1; then
        scap=inside
        "$host" push "$name" "$content" /run/scap/content.xml
    fi
fi
[ -n "$scap" ] || [ -z "${SCAP_CONTENT:-}" ] || { echo 'oscap is neither here nor in the tree' >&2; exit 2; }

# Of each profile, one a line: its score, and how many in a hundred of its rules pass.
scap_scores() {
    [ -n "$scap" ] || return 0
    local profile score passed
    for profile in $profiles; do
        local id=xccdf_org.ssgproject.content_profile_$profile
        # It ends with 2 where a rule fails, which some always do.
        on oscap xccdf eval --profile "$id" --results /run/scap/result.xml /run/scap/content.xml >/dev/null 2>"$work/scap.err" || [ $? = 2 ] || return 1
        on cat /run/scap/result.xml >"$work/scap.xml"
        score=$(sed -n 's/.*<score[^>]*>\([0-9.]*\)<.*/\1/p' "$work/scap.xml" | head -1)
        passed=$(grep -o '<result>[a-z]*</result>' "$work/scap.xml" |
            awk -F'[<>]' '$3 == "pass" {p++} $3 ~ /pass|fail|error|unknown/ {n++} END {printf "%.1f", 100 * p / n}')
        printf '%s %.1f %s\n' "$profile" "$score" "$passed"
    done
}
scap_failed() { cat "$work/scap.err" >&2; echo 'oscap could not evaluate a profile' >&2; exit 2; }

# Everything in the tree that a fix may change: content, rights, owner, times. Of what services write themselves only
# rights and owner, and of what is reckoned from other files no time.
listing() {
    (
        cd "$root"
        find etc usr home root boot -xdev \( -type f -printf '%p %m %u %g %T@ ' -exec sha256sum {} \; \
            -o -type l -printf '%p %l\n' -o -printf '%p %m %u %g\n' \)
        find var/log var/lib var/spool -xdev \( -path var/lib/cleanbill -o -path var/lib/postgresql -o -path var/log/journal \) -prune \
            -o -printf '%p %m %u %g\n'
    ) | sed 's|^\(etc/ld.so.cache [^ ]* [^ ]* [^ ]*\) [^ ]*|\1|' | LC_ALL=C sort
}

works() {
    local who
    who=$(on ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -i /root/ann ann@127.0.0.1 'sudo -n id -u' 2>/dev/null || true)
    [ "$who" = 0 ] || echo 'login by key, or sudo'
    on sh -c 'command -v nginx >/dev/null' && ! "$host" outside "$name" curl -fs -m 5 -o /dev/null http://10.76.0.2/ && echo nginx
    on sh -c 'command -v psql >/dev/null' && ! on su postgres -c 'psql -qAtc "select 1"' >/dev/null 2>&1 && echo PostgreSQL
    return 0
}

sleep 3
must_be_none 'services that do not answer before' "$(works | paste -sd,)"
before=$(lynis_index)
scap_scores >"$work/scap_before" || scap_failed
listing >"$work/before"
cleanbill audit --format json >"$work/audit.json"
cleanbill fix --all --yes --window 0 --format json >"$work/fix.json" || true
say 'problems found' "$(jq '.problems | length' "$work/audit.json")"
say 'fixes tried' "$(jq '.steps | length' "$work/fix.json")"
for state in fixed still_open unproven refused failed; do
    say "    $state" "$(jq -r "[.steps[] | select(.state == \"$state\")] | length" "$work/fix.json")"
done
jq -r '.steps[] | select(.state != "fixed") | "        \(.state) \(.check): \(.why)"' "$work/fix.json"
say 'risk' "$(jq -r '"\(.risk_before | round) to \(.risk_after | round)"' "$work/fix.json")"
say "Lynis' hardening index" "$before to $(lynis_index)"
must_be_none 'services that do not answer after' "$(works | paste -sd,)"
scap_scores >"$work/scap_after" || scap_failed
while read -r profile score passed _ score_now passed_now; do
    say "OpenSCAP, $profile" "$score to $score_now; $passed % of the rules to $passed_now %"
done < <(paste -d' ' "$work/scap_before" "$work/scap_after")
cleanbill audit --format json >"$work/after.json"
jq -r '.problems[].check' "$work/after.json" | sort >"$work/open"
jq -r '.steps[] | select(.state == "fixed") | .check' "$work/fix.json" | sort >"$work/fixed"
[ -s "$work/fixed" ] || wrong+=('nothing was fixed')
must_be_none 'said to be fixed and found again' "$(comm -12 "$work/open" "$work/fixed" | paste -sd,)"
cleanbill undo --yes || wrong+=("undo ended with $?")
must_be_none 'services that do not answer after undo' "$(works | paste -sd,)"
listing >"$work/undone"
# Theirs: what systemd and ucf note, what Lynis and logrotate write while this runs, and the record that sudo keeps.
{ LC_ALL=C comm -3 "$work/before" "$work/undone" | tr -d '\t' | grep -Ev '^var/(lib/(systemd|ucf|logrotate)/|log/lynis|log/sudo\.log )' || true; } >"$work/differ"
must_be_none 'files that are not as they were' "$(grep -c . "$work/differ" | grep -vx 0 || true)"
cut -c1-120 "$work/differ" | head -40
[ ${#wrong[@]} = 0 ] || { printf 'wrong: %s\n' "${wrong[@]}" >&2; exit 1; }
