#!/bin/bash
# Keeps a host from its updates, a check at a time. There is no network: what apt fetches lies in a folder made here.
# See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

auto=/etc/apt/apt.conf.d/20auto-upgrades

whole() {
    apt-mark unhold shop >/dev/null 2>&1 || true
    dpkg --purge shop gcc linux-image-6.1.0-{1..5}-amd64 >/dev/null 2>&1 || true
    as_first /etc/apt
    rm -rf /srv/debs /var/lib/apt/lists/*
    # No place that is out of reach.
    rm -f /etc/apt/sources.list.d/*; : > /etc/apt/sources.list
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

works() { apt-config dump >/dev/null; apt-get check -q >/dev/null; }
version() { works; says "^Version: $1$" dpkg -s shop; }

break_auto_updates_miss_security() { sed -i '/^ *"origin=/d' /etc/apt/apt.conf.d/50unattended-upgrades; }
works_auto_updates_miss_security() { works; grep -q 'codename=bookworm-security' <(unattended-upgrade --dry-run --debug 2>&1); }

break_auto_updates_off() { printf 'APT::Periodic::Update-Package-Lists "0";\nAPT::Periodic::Unattended-Upgrade "0";\n' > "$auto"; }
works_auto_updates_off() { works; [ "$(apt-config dump APT::Periodic | grep -cE '::(Update-Package-Lists|Unattended-Upgrade) "1"')" = 2 ]; }

break_auto_updates_stopped() { systemctl disable -q --now apt-daily.timer apt-daily-upgrade.timer; }
works_auto_updates_stopped() { works; systemctl is-active -q apt-daily.timer; systemctl is-active -q apt-daily-upgrade.timer; }

break_compilers_installed() { as_vm; offered gcc; dpkg -i /srv/debs/gcc_9.0_all.deb >/dev/null; }
answers_compilers_installed() { echo gcc; }

break_packages_broken() { package shop 1.0; dpkg --unpack /srv/debs/shop_1.0_all.deb >/dev/null; }
stays_packages_broken() { echo 'what was set up is not set back'; }
works_packages_broken() { version 1.0; says '^Status: install ok installed' dpkg -s shop; }

break_packages_old_kernels() {
    as_vm
    offered linux-image-6.1.0-{1..5}-amd64
    dpkg -i /srv/debs/linux-image-*.deb >/dev/null
}
answers_packages_old_kernels() { printf '%s\n' linux-image-6.1.0-{1,2}-amd64; }
works_packages_old_kernels() { works; [ "$(dpkg -l 'linux-image-6.1.0-*' | grep -c ^ii)" = 3 ]; }

break_source_checks_off() { printf '// for the old server\nAPT::Get::AllowUnauthenticated "true";\n' > /etc/apt/apt.conf.d/99lax; }
works_source_checks_off() { works; if says 'AllowUnauthenticated "true"' apt-config dump; then return 1; fi; }

break_source_moving_name() { echo 'deb http://deb.debian.org/debian stable main' > /etc/apt/sources.list; }
works_source_moving_name() { works; grep -qx 'deb http://deb.debian.org/debian bookworm main' /etc/apt/sources.list; }

break_source_security_missing() { echo 'deb http://deb.debian.org/debian bookworm main' > /etc/apt/sources.list; }
works_source_security_missing() { works; says /debian-security/dists/bookworm-security/ apt-get --print-uris update; }

break_updates_held_security() { waiting bookworm-security Debian-Security; apt-mark hold shop >/dev/null; }
answers_updates_held_security() { echo shop; }
works_updates_held_security() { works; [ -z "$(apt-mark showhold)" ]; }

break_updates_never_checked() { rm -rf /var/lib/apt/lists/* /var/lib/apt/periodic/*; package shop 1.0; repository stable Debian; }
stays_updates_never_checked() { echo 'what was fetched is kept'; }
works_updates_never_checked() { works; says '^Version: 1.0$' apt-cache show shop; }

break_updates_not_checked() {
    waiting stable Debian '20 days ago'
    repository stable Debian
    find /var/lib/apt/lists /var/lib/apt/periodic /var/cache/apt -exec touch -d '20 days ago' {} +
}
stays_updates_not_checked() { echo 'what was fetched is kept'; }

break_updates_other() { waiting stable Debian; }
stays_updates_other() { echo 'nothing is made older'; }
works_updates_other() { version 2.0; }

break_updates_security() { waiting bookworm-security Debian-Security; }
stays_updates_security() { echo 'nothing is made older'; }
works_updates_security() { version 2.0; }

main "$@"
