#!/bin/bash
# Real Debian hosts, thrown away afterwards: an overlay in memory on a tree from rootfs.sh, booted with its own systemd in
# a network of its own that leads nowhere. About three seconds each; as many at once as the machine bears.
#
#   host.sh up   NAME TREE [HOOK]   boot a host; HOOK (a break/*.sh) gets the path of its root first, to set it up
#   host.sh tree NAME TREE [HOOK]   the same without booting, for `cleanbill audit --root`; prints the path of its root
#   host.sh exec NAME CMD…          run something in it, as its root
#   host.sh push NAME SRC DST       copy a file, or a folder's contents, into it
#   host.sh outside NAME CMD…       run a program of this machine where the host is 10.76.0.2, over its network card
#   host.sh wire NAME NAME          join two booted hosts by a cable: 10.77.0.1 and 10.77.0.2
#   host.sh root NAME | pid NAME | netns NAME      where it is, seen from this machine
#   host.sh down NAME               gone without a trace (also half-made ones, also twice)
#   host.sh sweep                   takes down every host whose owner is gone
#   host.sh list
#
# TREE is minbase, full, patched, plus, wide, trixie, or a path. Use names nobody else uses at the same time: cb-$$-web.
# A host belongs to the process $CLEANBILL_HOST_OWNER (default: the one that called this script). When that process
# is gone, the next up, tree or sweep by anyone takes the host down. Owner 1 keeps it until someone says down.
set -euo pipefail

T=${CLEANBILL_TESTBED:-$HOME/.cache/cleanbill/testbed}
R=$T/run
SIZE=${CLEANBILL_HOST_SIZE:-2g}                 # most that a host may write, in memory
BOOT_LIMIT=${CLEANBILL_BOOT_TIMEOUT:-120}       # seconds

say() { printf '%s\n' "$*" >&2; }
die() { say "host: $*"; exit 1; }

# A process id alone says little, ids are used again: the start time makes it one process.
born() { local f; f=$(cat "/proc/$1/stat" 2>/dev/null) || return 0; read -ra f <<<"${f##*) }"; echo "${f[19]}"; }
alive() { local pid=${1:-} start=${2:-}; [ -n "$pid" ] && [ -n "$start" ] && [ "$(born "$pid")" = "$start" ]; }
owned() { local pid='' start=''; read -r pid start 2>/dev/null < "$1/owner" || true; alive "$pid" "$start"; }

the_host() { d=$R/$1; [ -d "$d" ] || die "there is no host $1"; }
init_pid() { local pid='' start=''; read -r pid start 2>/dev/null < "$d/init" || true; alive "$pid" "$start" && echo "$pid"; }

# The cgroup folders a host gets, one in each hierarchy that systemd looks at (v1, v2 or both). With --keep-unit nspawn
# works in the caller's cgroup, and two hosts in one would stop each other's services.
cgroups() {
    local n=$1 kind path opts
    while read -r _ path kind opts _; do
        case $kind in
            cgroup2) echo "$path/$n" ;;
            cgroup) [[ $opts == *name=systemd* ]] && echo "$path/$n" ;;
        esac
    done < /proc/self/mounts
    return 0
}

claim() {       # makes $d ours, at once and with its owner written, so that no sweep takes it for a leftover
    local n=$1 new owner
    [[ $n =~ ^[A-Za-z0-9][A-Za-z0-9-]{0,50}$ ]] || die "bad name: $n (letters, digits and - only)"
    owner=${CLEANBILL_HOST_OWNER:-$PPID}
    mkdir -p "$R"; new=$(mktemp -d "$R/.claim.XXXXXX")
    echo "$owner $(born "$owner")" > "$new/owner"
    mkdir "$new/t" "$new/m"
    d=$R/$n
    mv -T "$new" "$d" 2>/dev/null || { rm -rf "$new"; die "there is a host $n already"; }
}

mount_tree() {
    local n=$1 lower=$2 hook=${3:-}
    [[ $lower == */* ]] || { lower=$T/rootfs/$lower; [ -f "$lower.stamp" ] || "$(dirname "$0")/rootfs.sh" "$2" >/dev/null; }
    [ -d "$lower/etc" ] || die "no tree at $lower"
    if [ -n "$hook" ]; then
        [ -x "$hook" ] || die "the hook $hook cannot be run"
        hook=$(readlink -f "$hook")
    fi
    mount -t tmpfs -o "size=$SIZE,mode=755" "cleanbill-$n" "$d/t"
    mkdir "$d/t/u" "$d/t/w"; chmod 755 "$d/t/u"
    mount -t overlay -o "lowerdir=$lower,upperdir=$d/t/u,workdir=$d/t/w" "cleanbill-$n" "$d/m"
    local short=${n##*-}
    echo "$short" > "$d/m/etc/hostname"
    sed -i "s/^127\.0\.1\.1.*/127.0.1.1\t$short/" "$d/m/etc/hosts" 2>/dev/null || true
    # Its own identity; an empty file would do too, but "uninitialized" would make systemd reset which services are on.
    tr -d - < /proc/sys/kernel/random/uuid > "$d/m/etc/machine-id"
    # The hook gets the host's name too: programs that it runs write the name they see into files.
    # shellcheck disable=SC2016  # expanded by the inner shell
    [ -z "$hook" ] || unshare --uts sh -c 'hostname "$1"; exec "$2" "$3"' sh "$short" "$hook" "$d/m" >"$d/hook.log" 2>&1 || { tail -20 "$d/hook.log" >&2; die "the hook $hook failed"; }
}

net_up() {       # the host's own network, a cable, and an outside that forwards nothing
    local n=$1
    ip netns add "$n"; ip netns add "$n-out"
    ip -n "$n" link add eth0 type veth peer name eth0 netns "$n-out"
    ip -n "$n" addr add 10.76.0.2/24 dev eth0; ip -n "$n-out" addr add 10.76.0.1/24 dev eth0
    local x; for x in "$n" "$n-out"; do ip -n "$x" link set lo up; ip -n "$x" link set eth0 up; done
    ip -n "$n" route add default via 10.76.0.1
}

boot() {
    local n=$1 g i pid state keep=--keep-unit
    [ -d /run/systemd/system ] && keep=     # then systemd gives the host a scope by itself
    # Containers have no kernel log of their own and no audit; units that need them should be skipped, not fail.
    mkdir -p "$d/m/etc/systemd/system/auditd.service.d"
    printf '[Unit]\nConditionVirtualization=!container\n' > "$d/m/etc/systemd/system/auditd.service.d/testbed.conf"
    # chrony runs, but watches the clock only (-x): there is one clock, this machine's.
    mkdir -p "$d/m/etc/systemd/system/chrony.service.d"
    # shellcheck disable=SC2016  # systemd expands it
    printf '[Unit]\nConditionCapability=\n[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x\n' \
        > "$d/m/etc/systemd/system/chrony.service.d/testbed.conf"
    : > "$d/cgroups"; [ -z "$keep" ] || cgroups "$n" > "$d/cgroups"
    # Only the network part of /proc/sys may be written: it is the host's own, the rest would be this machine's.
    # All capabilities (nft is refused otherwise) but those that reach through to this machine: clock, modules, raw disks.
    # shellcheck disable=SC2016,SC2086  # expanded by the inner shell; $keep is one word or none
    setsid bash -c '
        while read -r g; do mkdir -p "$g" && echo $$ > "$g/cgroup.procs" || true; done < "$1/cgroups"
        d=$1; shift; export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network; exec "$@" >"$d/console" 2>&1 </dev/null' boot "$d" \
        systemd-nspawn -q --register=no $keep -M "$n" --network-namespace-path="/run/netns/$n" -D "$d/m" \
        --capability=all --drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,CAP_SYS_RAWIO \
        --resolv-conf=off --timezone=off --link-journal=no -b >"$d/console" 2>&1 </dev/null &
    pid=$!; echo "$pid $(born "$pid")" > "$d/spawn"
    local until=$((SECONDS + BOOT_LIMIT))
    while [ $SECONDS -lt $until ]; do
        [ -d "/proc/$pid" ] || { tail -20 "$d/console" >&2; die "$n did not start"; }
        i=$(init_pid || true)
        if [ -z "$i" ]; then
            # shellcheck disable=SC2013  # one process id per word
            for g in $(cat "/proc/$pid/task/$pid/children" 2>/dev/null || pgrep -P "$pid"); do
                [ "$(readlink "/proc/$g/exe" 2>/dev/null)" = /usr/lib/systemd/systemd ] && echo "$g $(born "$g")" > "$d/init"
            done
        else
            state=$(nsenter -t "$i" -a systemctl is-system-running 2>/dev/null || true)
            case $state in running|degraded) return 0 ;; esac
        fi
        sleep 0.2
    done
    tail -20 "$d/console" >&2; die "$n did not finish booting within $BOOT_LIMIT s"
}

inside() {
    local pid
    local clean=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root
        LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 TERM="${TERM:-dumb}")
    if pid=$(init_pid); then exec nsenter -t "$pid" -a "${clean[@]}" "$@"
    elif [ -f "$d/spawn" ]; then die "$(basename "$d") is not running any more"
    else exec chroot "$d/m" "${clean[@]}" "$@"; fi
}

push() {
    local src=$1 dst=$2 mode
    mode=$(stat -Lc %a "$src")
    # shellcheck disable=SC2016  # expanded in the host
    if [ -d "$src" ]; then
        tar -C "$src" --owner=0 --group=0 -cf - . | (inside sh -c 'mkdir -p "$1" && exec tar -xpf - -C "$1"' sh "$dst")
    else
        (inside sh -c 'mkdir -p "$(dirname "$2")" && cat > "$2.part" && chmod "$1" "$2.part" && mv "$2.part" "$2"' \
            sh "$mode" "$dst") < "$src"
    fi
}

down() {
    local n=$1 g pid try
    d=$R/$n
    [ -d "$d" ] || return 0
    exec 8<"$d"; flock 8            # two at once: the second finds nothing left to do
    [ -d "$d" ] || return 0
    # Nothing in it is worth saving: kill everything that is in its cgroups or its network.
    for try in 1 2 3 4 5 6 7 8 9 10; do
        local left=0
        for pid in $(cat /dev/null "$d/cgroups" 2>/dev/null | while read -r g; do find "$g" -name cgroup.procs -exec cat {} + 2>/dev/null; done) \
                   $(ip netns pids "$n" 2>/dev/null) $(ip netns pids "$n-out" 2>/dev/null) $(init_pid || true); do
            [ "$pid" -gt 1 ] && [ "$pid" != $$ ] && kill -KILL "$pid" 2>/dev/null && left=1
        done
        [ $left = 0 ] && break
        sleep "0.0$try"
    done
    while read -r g; do
        [ -d "$g" ] && find "$g" -depth -type d -exec rmdir {} + 2>/dev/null
    done < <(cat "$d/cgroups" 2>/dev/null) || true
    ip netns del "$n" 2>/dev/null || true; ip netns del "$n-out" 2>/dev/null || true
    for g in "$d/m" "$d/t"; do
        while mountpoint -q "$g"; do umount -R "$g" 2>/dev/null || umount -l "$g" || break; done
    done
    if mountpoint -q "$d/m" || mountpoint -q "$d/t"; then die "could not unmount $n"; fi
    rm -rf "$d"
}

sweep() {
    local x
    for x in "$R"/* "$R"/.claim.*; do
        [ -d "$x" ] || continue
        owned "$x" && continue
        case $x in
            */.claim.*) [ -n "$(find "$x" -maxdepth 0 -mmin +1)" ] && rm -rf "$x" ;;
            *) (down "$(basename "$x")") || true ;;
        esac
    done
    return 0
}

wire() {
    local a=$1 b=$2 la lb
    la=w$RANDOM$RANDOM; lb=${la}b
    ip -n "$a" link add "$la" type veth peer name "$lb" netns "$b"
    ip -n "$a" link set "$la" name wire0; ip -n "$b" link set "$lb" name wire0
    ip -n "$a" addr add 10.77.0.1/24 dev wire0; ip -n "$b" addr add 10.77.0.2/24 dev wire0
    ip -n "$a" link set wire0 up; ip -n "$b" link set wire0 up
}

[ "$(id -u)" = 0 ] || die "needs root"
cmd=${1:-help}; [ $# -gt 0 ] && shift
need() { [ "$1" -le "$2" ] || { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2; }; }
case $cmd in
    up|tree)
        need 2 $#; sweep; claim "$1"; mine=$1 rc=0
        trap 'rc=$?; [ $rc = 0 ] || { trap - EXIT; (down "$mine") || true; exit $rc; }' EXIT
        trap 'exit 130' INT TERM HUP
        mount_tree "$@"
        if [ "$cmd" = up ]; then net_up "$1"; boot "$1"; else echo "$d/m"; fi ;;
    exec)  need 2 $#; the_host "$1"; shift; inside "$@" ;;
    push)  need 3 $#; the_host "$1"; push "$2" "$3" ;;
    outside) need 2 $#; the_host "$1"; n=$1; shift; exec ip netns exec "$n-out" "$@" ;;
    wire)  need 2 $#; wire "$1" "$2" ;;
    root)  need 1 $#; the_host "$1"; echo "$d/m" ;;
    pid)   need 1 $#; the_host "$1"; init_pid || die "$1 is not running" ;;
    netns) need 1 $#; the_host "$1"; echo "/run/netns/$1" ;;
    down)  need 1 $#; for n; do down "$n"; done ;;
    sweep) sweep ;;
    list)  for x in "$R"/*; do
               [ -d "$x" ] || continue
               printf '%s\t%s\n' "$(basename "$x")" "$(owned "$x" && echo "owner $(cut -d' ' -f1 "$x/owner")" || echo left-over)"
           done ;;
    *) need 1 0 ;;
esac
