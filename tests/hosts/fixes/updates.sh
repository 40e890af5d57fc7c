#!/bin/bash
# Ways to keep a machine from its updates, one for each check that has a fix. There is no network: what apt fetches
# lies in a folder, /srv/debs, made here. Runs inside a throw-away host, as root.
#
#   updates.sh list         the ids of the checks that it can break
#   updates.sh break ID     breaks the machine so that the check finds something
#   updates.sh works ID     whether what is concerned still works
#   updates.sh answer ID    what to answer to the question of the fix, where it has one
set -euo pipefail

auto=/etc/apt/apt.conf.d/20auto-upgrades

ids() {
    cat <<-I
	auto-updates-miss-security
	auto-updates-off
	auto-updates-stopped
	packages-broken
	source-checks-off
	updates-held-security
	updates-never-checked
	updates-not-checked
	updates-other
	updates-security
	I
}

# package NAME VERSION: an empty one.
package() {
    local tree
    tree=$(mktemp -d); mkdir "$tree/DEBIAN"; chmod 755 "$tree"
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

whole() {
    if [ ! -d /root/apt ]; then
        cp -a /etc/apt /root/apt
        rm -f /root/apt/sources.list.d/*
        : > /root/apt/sources.list
        mkdir /srv/debs
    fi
    apt-mark unhold shop >/dev/null 2>&1 || true
    dpkg --purge shop >/dev/null 2>&1 || true
    rm -rf /etc/apt /srv/debs/* /var/lib/apt/lists/*; cp -a /root/apt /etc/apt
    systemctl unmask -q apt-daily.timer apt-daily-upgrade.timer
    systemctl enable -q --now apt-daily.timer apt-daily-upgrade.timer
    printf 'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n' > "$auto"
}

# waiting SUITE LABEL [DATE]: an old version is installed, a new one waits.
waiting() {
    package shop 1.0; package shop 2.0
    repository "$1" "$2" "${3:-now}"
    dpkg -i /srv/debs/shop_1.0_all.deb >/dev/null
    apt-get -q --allow-releaseinfo-change update >/dev/null 2>&1
}

answer() {
    case $1 in
        updates-held-security) echo shop ;;
        *) ;;
    esac
}

break_it() {
    whole
    case $1 in
        auto-updates-miss-security) sed -i '/^ *"origin=/d' /etc/apt/apt.conf.d/50unattended-upgrades ;;
        auto-updates-off) printf 'APT::Periodic::Update-Package-Lists "0";\nAPT::Periodic::Unattended-Upgrade "0";\n' > "$auto" ;;
        auto-updates-stopped) systemctl disable -q --now apt-daily.timer apt-daily-upgrade.timer ;;
        packages-broken)
            package shop 1.0; dpkg --unpack /srv/debs/shop_1.0_all.deb >/dev/null ;;
        source-checks-off) printf '// for the old server\nAPT::Get::AllowUnauthenticated "true";\n' > /etc/apt/apt.conf.d/99lax ;;
        updates-held-security) waiting bookworm-security Debian-Security; apt-mark hold shop >/dev/null ;;
        updates-never-checked) rm -rf /var/lib/apt/lists/* /var/lib/apt/periodic/*; package shop 1.0; repository stable Debian ;;
        updates-not-checked)
            waiting stable Debian '20 days ago'
            repository stable Debian
            find /var/lib/apt/lists /var/lib/apt/periodic /var/cache/apt -exec touch -d '20 days ago' {} + ;;
        updates-other) waiting stable Debian ;;
        updates-security) waiting bookworm-security Debian-Security ;;
        *) echo "no such check: $1" >&2; return 2 ;;
    esac
}

works() {
    apt-config dump >/dev/null
    apt-get check -q >/dev/null
    case $1 in
        updates-security | updates-other) dpkg -s shop | grep -qx 'Version: 2.0' ;;
        auto-updates-miss-security) grep -q 'codename=bookworm-security' <(unattended-upgrade --dry-run --debug 2>&1) ;;
        *) ;;
    esac
}

case ${1:-} in
    list) ids ;;
    break) break_it "${2:?which check?}" ;;
    works) works "${2:?which check?}" ;;
    answer) answer "${2:?which check?}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
