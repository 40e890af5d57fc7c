#!/bin/bash
# Breaks the clock of a host, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

break_clock_not_kept() { as_vm; systemctl disable -q --now chrony; }
works_clock_not_kept() { systemctl is-enabled -q chrony; }

break_hardware_clock_local() { as_metal; timedatectl set-local-rtc 1; grep -q LOCAL /etc/adjtime; }
works_hardware_clock_local() { if grep -q LOCAL /etc/adjtime; then return 1; fi; }

break_several_time_services() {
    as_vm
    mkdir -p /lib/systemd; cp /bin/sleep /lib/systemd/systemd-timesyncd
    printf '[Service]\nExecStart=/lib/systemd/systemd-timesyncd infinity\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/systemd-timesyncd.service
    systemctl daemon-reload; systemctl enable -q --now systemd-timesyncd chrony
}
answers_several_time_services() { echo chrony; }
works_several_time_services() { systemctl is-enabled -q chrony; }

break_time_zone_missing() { ln -sfn /usr/share/zoneinfo/Nowhere /etc/localtime; }
works_time_zone_missing() { test "$(date +%Z)" = UTC; }

main "$@"
