# shellcheck shell=bash
# What the scripts of the groups share. Each one breaks a running host, as its root, so that a check finds something:
#
#   GROUP.sh list          the ids of checks that it can break
#   GROUP.sh break ID      breaks the host
#   GROUP.sh answers ID    the answers for --answer ID=…, one a line
#   GROUP.sh works ID      whether what is concerned still works
#   GROUP.sh stays ID      why the problem does not come back when the fix is taken back; nothing where it does
#   GROUP.sh door ID       opens a door that other machines reach while it is broken, and not after; says its number
#   GROUP.sh shut ID       shuts it again
#   GROUP.sh tree          the tree that its hosts stand on
#
# A group has functions break_ID, works_ID, answers_ID, stays_ID, door_ID and shut_ID with _ for -. All but the first may be
# left out: then works says it for all, there is no answer, it comes back, and there is no door. Where there is a function
# whole, it first takes back what was broken before.
set -euo pipefail

TREE=plus

# Some questions make no sense in a container: what says that this is one goes.
as_vm() {
    grep -q container= /proc/1/environ || return 0
    mount --bind /dev/null /proc/1/environ
    rm -f /run/systemd/container
}

# Others make sense on a machine of its own only: what says that it is a guest goes too.
as_metal() {
    as_vm
    if grep -q ' hypervisor' /proc/cpuinfo; then
        sed 's/ hypervisor//' /proc/cpuinfo > /run/cpuinfo; mount --bind /run/cpuinfo /proc/cpuinfo
    fi
    if [ -e /sys/class/dmi/id ]; then mount -t tmpfs none /sys/class/dmi; fi
}

# kernel KEY VALUE: a setting of the kernel that can be changed here. The true ones are of the machine around this host,
# so a file stands in.
kernel() {
    local proc=/proc/sys/${1//.//} file=/run/kernel-$1
    grep -q " $proc " /proc/self/mounts || { cat "$proc" > "$file"; mount --bind "$file" "$proc"; }
    echo "$2" > "$proc"
}

# Files and folders as they were before anything was broken here.
as_first() {
    local path
    for path; do
        [ -e "/root/first$path" ] || { mkdir -p "/root/first${path%/*}"; cp -a "$path" "/root/first$path"; }
        rm -rf "$path"; cp -a "/root/first$path" "$path"
    done
}

# says PATTERN CMD…: whether a program says that.
says() { local pattern=$1; shift; grep -q -- "$pattern" <<<"$("$@")"; }

# soon CMD…: whether it goes well within ten seconds; what is written to a log is there a moment later.
soon() {
    local n
    for ((n = 0; n < 50; n++)); do
        if "$@"; then return 0; fi
        sleep 0.2
    done
    return 1
}

# Whether all of these run; systemctl asks for one of them only.
active() { local unit; for unit; do systemctl is-active -q "$unit" || return 1; done; }

# Whether what listens at a door says what is expected, after it was told something.
door_says() {
    local said
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    [ -z "${3:-}" ] || printf '%b' "$3" >&3
    said=$(timeout 5 head -n 1 <&3 | tr -d '\0')
    exec 3>&-
    # shellcheck disable=SC2053  # a pattern
    [[ $said == $2 ]]
}

# package NAME VERSION: one with a program of its name, in the folder that apt fetches from; there is no network.
package() {
    local tree
    mkdir -p /srv/debs
    tree=$(mktemp -d); mkdir -p "$tree/DEBIAN" "$tree/usr/sbin" "$tree/usr/share/doc/$1"; chmod 755 "$tree"
    printf '#!/bin/sh\n' > "$tree/usr/sbin/$1"; chmod 755 "$tree/usr/sbin/$1"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Test <test@example.org>\nDescription: test\n' "$1" "$2" > "$tree/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$tree" "/srv/debs/$1_$2_all.deb" >/dev/null; rm -r "$tree"
}

# repository SUITE LABEL [DATE]: makes the folder's lists anew, as Debian's security updates or as others.
repository() {
    local deb sums
    : > /srv/debs/Packages
    for deb in /srv/debs/*.deb; do
        dpkg-deb -f "$deb" >> /srv/debs/Packages
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${deb##*/}" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)" >> /srv/debs/Packages
    done
    sums="$(sha256sum /srv/debs/Packages | cut -d' ' -f1) $(stat -c %s /srv/debs/Packages) Packages"
    printf 'Origin: Debian\nLabel: %s\nSuite: %s\nCodename: %s\nDate: %s\nSHA256:\n %s\n' "$2" "$1" "$1" "$(LC_ALL=C date -Ru -d "${3:-now}")" "$sums" > /srv/debs/Release
    printf 'deb [trusted=yes] file:/srv/debs ./\n' > /etc/apt/sources.list.d/debs.list
}

# offered NAME…: such packages of these names are all that apt can fetch.
offered() {
    local name
    rm -f /etc/apt/sources.list.d/*; : > /etc/apt/sources.list
    for name; do package "$name" 9.0; done
    repository stable Debian
    apt-get -q --allow-releaseinfo-change update >/dev/null 2>&1
}

# The password of all people of these hosts, which have no way to the world.
PASSWORD='a long Passw0rd of 2 lines'

# A person with a password and, where it is said, in a group.
person() {
    if ! id -u "$1" >/dev/null 2>&1; then
        useradd --create-home --shell /bin/bash "$1"
        echo "$1:$PASSWORD" | chpasswd
        # What sudo writes there the first time.
        install -o "$1" -g "$1" -m 644 /dev/null "/home/$1/.sudo_as_admin_successful"
    fi
    [ -z "${2:-}" ] || usermod -aG "$2" "$1"
}

# Whether someone may act as root with their password; and with a wrong one, which must not be.
sudo_works() { su -s /bin/sh "$1" -c 'sudo -S -k -p "" true' <<<"$PASSWORD"; }
sudo_refuses() { if su -s /bin/sh "$1" -c 'sudo -S -k -p "" true' <<<"${2:-wrong}" 2>/dev/null; then return 1; fi; }

main() {
    local what=${1:?what} id=${2:-}
    case $what in
        list) declare -F | sed -n 's/^declare -f break_//p' | tr _ - ;;
        tree) echo "$TREE" ;;
        break)
            if declare -F whole >/dev/null; then whole; fi
            "break_${id//-/_}" ;;
        works) if declare -F "works_${id//-/_}" >/dev/null; then "works_${id//-/_}"; else works; fi ;;
        answers | stays | door | shut) if declare -F "${what}_${id//-/_}" >/dev/null; then "${what}_${id//-/_}"; fi ;;
        *) echo "unknown: $what" >&2; exit 2 ;;
    esac
}
