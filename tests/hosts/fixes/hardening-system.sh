#!/bin/bash
# Takes extra protection away from a host, a check at a time; most of it a fresh host does not have. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

# What each fix must leave alone: services run, and the machine talks to itself over both kinds of addresses.
works() {
    active ssh cron dbus systemd-journald
    if systemctl is-failed -q systemd-sysctl; then return 1; fi
    exec 3<>/dev/tcp/127.0.0.1/22; read -r -t 5 line <&3; exec 3>&-
    [[ $line == SSH-* ]]
    logger -t hardening "still written $$"; journalctl --sync
    journalctl -q -t hardening | grep -q "still written $$"
}

# Kernel, network, records.

break_kernel_guards_not_written() { :; }
works_kernel_guards_not_written() {
    works
    grep -qx 'kernel.kptr_restrict = 2' /etc/sysctl.d/zz-cleanbill.conf
}

break_network_guards_not_written() { sysctl -q -w net.ipv4.conf.all.log_martians=0; }
works_network_guards_not_written() {
    works
    [ "$(sysctl -n net.ipv4.conf.all.log_martians)" = 1 ]
    [ "$(sysctl -n net.ipv4.conf.all.send_redirects)" = 0 ]
    ping -c 1 -W 2 127.0.0.1 >/dev/null 2>&1 || ! command -v ping >/dev/null
}

break_routers_are_believed() { sysctl -q -w net.ipv6.conf.all.accept_ra=1; }
works_routers_are_believed() { works; [ "$(sysctl -n net.ipv6.conf.all.accept_ra)" = 0 ]; }

break_neighbours_are_believed() { sysctl -q -w net.ipv4.conf.all.arp_ignore=0; }
works_neighbours_are_believed() { works; [ "$(sysctl -n net.ipv4.conf.all.arp_ignore)" = 2 ]; }

break_kernel_goes_on_after_fault() { :; }
works_kernel_goes_on_after_fault() { works; grep -qx 'kernel.panic = 60' /etc/sysctl.d/zz-cleanbill.conf; }

# Only names are asked for: nothing is loaded into the kernel of this machine.
kept_out() { modprobe -n -v "$1" 2>/dev/null | grep -qx 'install /bin/false *' || grep -qx "install $1 /bin/false" /etc/modprobe.d/cleanbill.conf; }

break_rare_kernel_parts_can_be_loaded() { :; }
works_rare_kernel_parts_can_be_loaded() { works; kept_out cramfs; kept_out dccp; }

break_usb_disks_are_taken() { :; }
works_usb_disks_are_taken() { works; kept_out usb-storage; }

break_audit_records_too_little() { auditd_there; }
works_audit_records_too_little() {
    works
    [ "$(stat -c %a /etc/audit/rules.d/cleanbill.rules)" = 600 ]
    # A container may not load rules, but each is read first, and a bad one is told in other words.
    local rule said words count=0
    while read -r rule; do
        [[ $rule == -* ]] || continue
        count=$((count + 1))
        read -ra words <<<"$rule"
        said=$(/usr/sbin/auditctl "${words[@]}" 2>&1) || [[ $said == *"Operation not permitted"* || $said == *"Rule exists"* ]]
        [[ $said != *[Uu]nknown* && $said != *[Ii]nvalid* ]]
    done < /etc/audit/rules.d/cleanbill.rules
    [ "$count" -gt 5 ]
}
auditd_there() { [ -x /usr/sbin/auditd ] && printf '%s\n' -D '-b 8192' > /etc/audit/rules.d/audit.rules; }

break_audit_trouble_is_not_told() { [ -x /usr/sbin/auditd ]; sed -i 's/^disk_error_action.*/disk_error_action = SUSPEND/' /etc/audit/auditd.conf; }
works_audit_trouble_is_not_told() { works; grep -qx 'disk_error_action = syslog' /etc/audit/auditd.conf; }

break_journal_right_only_by_default() { printf '[Journal]\n#Storage=auto\n' > /etc/systemd/journald.conf; systemctl restart systemd-journald; }
works_journal_right_only_by_default() {
    works
    # What programs hand to the system's log still gets to the log files.
    [ ! -e /var/log/syslog ] || soon grep -q "still written $$" /var/log/syslog
}

# shellcheck disable=SC2016
break_mail_greeting_tells_system() {
    systemctl start postfix
    postconf -e 'smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)'; systemctl reload postfix
}
works_mail_greeting_tells_system() {
    works
    exec 3<>/dev/tcp/127.0.0.1/25; read -r -t 10 line <&3; exec 3>&-
    [[ $line == 220\ * && $line == *ESMTP* && $line != *Postfix* && $line != *Debian* ]]
}

main "$@"
