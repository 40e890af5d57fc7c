#!/bin/bash
# Ways to set the kernel badly that a container can have: its network settings and its files. Runs inside a throw-away host, as root.
#
#   kernel.sh list         the ids of the checks that it can break
#   kernel.sh break ID     breaks the machine so that the check finds something
#   kernel.sh works ID     whether what is concerned still works
set -euo pipefail

ids() {
    cat <<-I
	address-randomisation-off
	kernel-setting-not-in-force
	kernel-setting-set-twice
	I
}

whole() {
    rm -f /etc/sysctl.d/zy-broken.conf /etc/sysctl.d/10-broken.conf
    sysctl -q -w net.ipv4.conf.all.log_martians=0
}

break_it() {
    whole
    case $1 in
        address-randomisation-off) printf '# faster\nkernel.randomize_va_space = 0\n' > /etc/sysctl.d/zy-broken.conf ;;
        kernel-setting-not-in-force) echo 'net.ipv4.conf.all.log_martians = 1' > /etc/sysctl.d/zy-broken.conf ;;
        kernel-setting-set-twice)
            echo 'net.ipv4.conf.all.log_martians = 1' > /etc/sysctl.d/10-broken.conf
            echo 'net.ipv4.conf.all.log_martians = 0' > /etc/sysctl.d/zy-broken.conf ;;
        *) echo "no such check: $1" >&2; return 2 ;;
    esac
}

works() {
    case $1 in
        kernel-setting-not-in-force) [ "$(sysctl -n net.ipv4.conf.all.log_martians)" = 1 ] ;;
        kernel-setting-set-twice) [ "$(sysctl -n net.ipv4.conf.all.log_martians)" = 0 ] ;;
        *) systemctl is-active -q systemd-sysctl || systemctl is-system-running >/dev/null ;;
    esac
}

case ${1:-} in
    list) ids ;;
    break) break_it "${2:?which check?}" ;;
    works) works "${2:?which check?}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
