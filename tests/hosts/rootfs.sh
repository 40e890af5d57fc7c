#!/bin/bash
# shellcheck disable=SC2317  # the make_… functions are called by a made-up name
#
# Builds the Debian trees that the throw-away hosts stand on, once, and prints where each one is.
#   rootfs.sh [TREE…]     minbase | full | patched | plus | wide | trixie | all       (default: all)
#
#   minbase   the least that apt can work in: for plain --root audits
#   full      a server as the CD would leave it: systemd, sshd, nginx, postgres… and never updated since
#   patched   full with every update installed
#   plus      patched with the packages that a careful owner adds
#   wide      plus with more kinds of servers, whose fixes are tried
#   trixie    a small server of the next Debian: what is built on this one must work there too
#
# A tree is finished in a temporary place and then renamed, so a half-built one is never used. Calling again costs
# nothing; callers at the same time wait for one another; a changed recipe rebuilds.
set -euo pipefail

T=${CLEANBILL_TESTBED:-$HOME/.cache/cleanbill/testbed}/rootfs
SUITE=bookworm
RECIPE=4        # raise it when a change below must rebuild everybody's trees (package lists count by themselves)

FULL=systemd,systemd-sysv,dbus,init,openssh-server,sudo,nginx-light,postgresql,chrony,nftables,auditd,rsyslog,cron
FULL+=,unattended-upgrades,apparmor,iproute2,procps,ca-certificates,logrotate,passwd,login,iputils-ping,fail2ban,ufw
FULL+=,debsums,kmod,udev,libpam-systemd,postfix
PLUS="libpam-pwquality cracklib-runtime libpam-tmpdir apparmor-utils apparmor-profiles needrestart apt-listchanges aide aide-common
      restic acct sysstat rkhunter lynis"
WIDE="redis-server memcached mariadb-server php-fpm apache2 vsftpd"
TRIXIE=systemd,systemd-sysv,dbus,init,udev,kmod,libpam-systemd,openssh-server,sudo,cron,nftables,iproute2,procps
TRIXIE+=,ca-certificates,passwd,login

say() { printf '%s\n' "$*" >&2; }
die() { say "rootfs: $*"; exit 1; }

# Where this machine gets Debian from, in apt's own view: right for deb822 and one-line files alike.
find_mirror() {
    local seen own
    # shellcheck disable=SC2016  # the $(…) are apt's
    seen=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | sort -u)
    # shellcheck source=/dev/null
    own=$(. /etc/os-release && echo "${VERSION_CODENAME:-$SUITE}")
    uri_of() { awk -v r="$1" '$2==r {sub("/$","",$1); print $1; exit}' <<<"$seen"; }
    MIRROR=${CLEANBILL_MIRROR:-$(uri_of "$SUITE")}
    [ -n "$MIRROR" ] || MIRROR=$(uri_of "$own")
    [ -n "$MIRROR" ] || die "apt on this machine names no Debian mirror; set CLEANBILL_MIRROR"
    SECURITY=$(uri_of "$SUITE-security")
    [ -n "$SECURITY" ] || SECURITY=$(uri_of "$own-security")
    [ -n "$SECURITY" ] || SECURITY=${MIRROR%/debian}/debian-security
}

# Runs a command inside a tree with this machine's network set-up lent to it. All mounts are in a private namespace:
# they go when the command ends, however it ends, and nothing of this machine stays in the tree.
inside() {
    local tree=$1; shift
    # shellcheck disable=SC2016  # expanded by the inner shell
    APTCONF=$APTCONF unshare --mount --uts --propagation private bash -c '
        set -e; t=$1; shift
        hostname debian         # package scripts write the name they see into certificates and mail settings
        mount -t proc proc "$t/proc"; mount -t sysfs -o ro sys "$t/sys"; mount --rbind /dev "$t/dev"
        mount -t tmpfs tmp "$t/tmp"; mount -t tmpfs run "$t/run"
        cp "$APTCONF" "$t/tmp/apt.conf"
        if [ -s /etc/resolv.conf ]; then
            [ -e "$t/etc/resolv.conf" ] || : > "$t/etc/resolv.conf"
            mount --bind "$(readlink -f /etc/resolv.conf)" "$t/etc/resolv.conf"
        fi
        printf "#!/bin/sh\nexit 101\n" > "$t/run/policy-rc.d"; chmod 755 "$t/run/policy-rc.d"
        : > "$t/usr/sbin/policy-rc.d"; mount --bind "$t/run/policy-rc.d" "$t/usr/sbin/policy-rc.d"
        exec chroot "$t" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
            DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_CONFIG=/tmp/apt.conf "$@"
    ' inside "$tree" "$@"
    rm -f "$tree/usr/sbin/policy-rc.d"
}

apt_sources() {
    local tree=$1 key=/usr/share/keyrings/debian-archive-keyring.gpg
    rm -f "$tree/etc/apt/sources.list"
    cat > "$tree/etc/apt/sources.list.d/debian.sources" <<-S
	Types: deb
	URIs: $MIRROR
	Suites: $SUITE $SUITE-updates
	Components: main
	Signed-By: $key

	Types: deb
	URIs: $SECURITY
	Suites: $SUITE-security
	Components: main
	Signed-By: $key
	S
}

# Takes out what the making of a tree leaves behind.
clean_tree() {
    local tree=$1
    echo debian > "$tree/etc/hostname"
    printf '127.0.0.1\tlocalhost\n127.0.1.1\tdebian\n::1\tlocalhost ip6-localhost ip6-loopback\n' > "$tree/etc/hosts"
    : > "$tree/etc/machine-id"      # host.sh gives each host its own
    rm -f "$tree/etc/resolv.conf" "$tree/var/log/bootstrap.log" "$tree/var/lib/dbus/machine-id" "$tree/usr/sbin/policy-rc.d"
    rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/partial/*
    # An installed server has logged something; fail2ban will not start on a server that never did.
    if [ -d "$tree/etc/rsyslog.d" ]; then
        for l in auth.log syslog; do
            : >> "$tree/var/log/$l"; chmod 640 "$tree/var/log/$l"; chroot "$tree" chown root:adm "/var/log/$l"
        done
    fi
}

bootstrap() {
    local tree=$1 include=$2
    mkdir -p "$T/debs"
    unshare --mount --uts --propagation private sh -c 'hostname debian; exec "$@"' sh \
        debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --include="$include" --cache-dir="$T/debs" "$SUITE" "$tree" "$MIRROR"
    apt_sources "$tree"
    inside "$tree" apt-get update -q
}

make_minbase() { bootstrap "$1" ca-certificates; }
make_trixie() { bootstrap "$1" "$TRIXIE"; }
make_full() {
    bootstrap "$1" "$FULL"
    # postfix asked this machine's resolver for its full name; let it be the tree's own
    inside "$1" sh -c 'echo debian >/etc/mailname; postconf -e myhostname=debian; newaliases'
}
make_patched() {
    build full; cp -a --reflink=auto "$T/full/." "$1/"
    inside "$1" apt-get dist-upgrade -q -y -o Dpkg::Options::=--force-confold
    inside "$1" apt-get clean
}
make_plus() {
    build patched; cp -a --reflink=auto "$T/patched/." "$1/"
    # shellcheck disable=SC2086  # a list of words
    inside "$1" apt-get install -q -y --no-install-recommends $PLUS
    inside "$1" apt-get clean
}
make_wide() {
    build plus; cp -a --reflink=auto "$T/plus/." "$1/"
    # shellcheck disable=SC2086  # a list of words
    inside "$1" apt-get install -q -y --no-install-recommends $WIDE
    inside "$1" apt-get clean
    # Each runs where it is asked for; two web servers want the same door.
    inside "$1" systemctl -q disable redis-server memcached mariadb apache2 vsftpd php8.2-fpm
}

# Replaced trees go as soon as no host stands on them (a rename does not disturb an overlay, a removal would).
drop_leftovers() {
    local d mounts
    mounts=$(cat /proc/self/mounts)
    for d in "$T"/.old.*; do
        [ -d "$d" ] && ! grep -qF "lowerdir=$T/" <<<"$mounts" && rm -rf "$d"
    done
    return 0
}

build() {
    local kind=$1 stamp tmp rc
    [ "$kind" != trixie ] || local SUITE=trixie
    case $kind in minbase) stamp= ;; trixie) stamp=$TRIXIE ;; plus) stamp="$FULL $PLUS" ;; wide) stamp="$FULL $PLUS $WIDE" ;; *) stamp=$FULL ;; esac
    stamp="$RECIPE $SUITE $(printf '%s' "$stamp" | sha256sum | cut -c1-12)"
    [ "$(cat "$T/$kind.stamp" 2>/dev/null)" = "$stamp" ] && [ -d "$T/$kind" ] && return 0
    (
        flock 9         # one builder per tree; the others find it done
        [ "$(cat "$T/$kind.stamp" 2>/dev/null)" = "$stamp" ] && [ -d "$T/$kind" ] && exit 0
        say "rootfs: building $kind (once; minutes)"
        rm -rf "$T/.new.$kind".*    # of a builder that died: we hold its lock
        tmp=$(mktemp -d "$T/.new.$kind.XXXXXX"); chmod 755 "$tmp"
        [ -n "${MIRROR:-}" ] || find_mirror
        set +e          # a subshell of its own, since "if" would switch its set -e off
        ( set -e; "make_$kind" "$tmp" ) >"$T/$kind.log" 2>&1 9>&-; rc=$?
        set -e
        if [ $rc != 0 ]; then
            tail -20 "$T/$kind.log" >&2; rm -rf "$tmp"; die "could not build $kind: see $T/$kind.log"
        fi
        clean_tree "$tmp"
        rm -f "$T/$kind.stamp"
        [ -d "$T/$kind" ] && mv -T "$T/$kind" "$(mktemp -u "$T/.old.$kind.XXXXXX")"
        mv -T "$tmp" "$T/$kind"
        echo "$stamp" > "$T/$kind.stamp"
        drop_leftovers
    ) 9>"$T/.$kind.lock"
}

[ "$(id -u)" = 0 ] || die "needs root"
command -v debootstrap >/dev/null || die "debootstrap is not installed (run .ci/setup)"
mkdir -p "$T"

# What this machine's apt needs to reach its mirror (a proxy, retries): lent to the trees, never written into them.
APTCONF=$(mktemp); trap 'rm -f "$APTCONF"' EXIT
apt-config dump | grep -E '^Acquire::(https?::|Retries|Check-|ForceIPv)' > "$APTCONF" || true

main() {        # read whole before it runs: a checkout may replace this file meanwhile
    local kind k
    [ $# -gt 0 ] || set -- all
    for kind; do
        case $kind in
            all) for k in minbase full patched plus wide trixie; do build $k; echo "$T/$k"; done ;;
            minbase|full|patched|plus|wide|trixie) build "$kind"; echo "$T/$kind" ;;
            *) die "no such tree: $kind (minbase, full, patched, plus, wide, trixie, all)" ;;
        esac
    done
    drop_leftovers
    exit 0
}
main "$@"
