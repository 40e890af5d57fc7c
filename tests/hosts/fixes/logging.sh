#!/bin/bash
# Breaks the records of a host, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

works() { logger "proof $$"; soon says "proof $$" journalctl -n 30; }

break_no_audit() { as_vm; dpkg --purge --force-depends auditd >/dev/null 2>&1; offered auditd; }
works_no_audit() { says '^Status: install ok installed' dpkg -s auditd; grep -q /etc/shadow /etc/audit/rules.d/cleanbill.rules; }

break_nobody_watches_for_changes() {
    dpkg --purge --force-depends aide aide-common debsums rkhunter >/dev/null 2>&1
    offered debsums
}
works_nobody_watches_for_changes() { says '^Status: install ok installed' dpkg -s debsums; (. /etc/default/debsums; [ "$CRON_CHECK" = weekly ]); }

break_no_record_kept() {
    printf '[Journal]\nStorage=none\nForwardToSyslog=yes\n' > /etc/systemd/journald.conf
    systemctl restart systemd-journald; systemctl disable -q --now rsyslog syslog.socket 2>/dev/null || true
}

break_record_lost_at_restart() {
    systemctl disable -q --now rsyslog syslog.socket 2>/dev/null || true
    mkdir -p /etc/systemd/journald.conf.d; printf '[Journal]\nStorage=volatile\n' > /etc/systemd/journald.conf.d/10-memory.conf
    systemctl restart systemd-journald
}
works_record_lost_at_restart() { works; says . find /var/log/journal -name '*.journal'; }

break_record_writable() { touch /var/log/own.log; chmod 666 /var/log/own.log; }

break_records_not_cut() { systemctl enable -q --now rsyslog; systemctl disable -q --now logrotate.timer; rm -f /etc/cron.daily/logrotate; }
works_records_not_cut() { systemctl is-active -q logrotate.timer; }

main "$@"
