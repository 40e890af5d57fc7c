#!/bin/bash
# Ways to open a machine to its network, one for each check that has a fix. Runs inside a throw-away host, as root.
#
#   network.sh list         the ids of the checks that it can break
#   network.sh break ID     breaks the machine so that the check finds something
#   network.sh works ID     whether what is concerned still works
set -euo pipefail

ids() {
    cat <<-I
	firewall-lets-all-in
	firewall-not-at-boot
	forwards-packets
	network-redirects-believed
	network-settings-loose
	no-firewall
	I
}

# No rules at all, and none at the next start.
whole() {
    ufw --force disable >/dev/null 2>&1 || true
    ufw default allow incoming >/dev/null 2>&1 || true
    systemctl disable -q --now ufw nftables 2>/dev/null || true
    printf '#!/usr/sbin/nft -f\n\nflush ruleset\n' > /etc/nftables.conf
    nft flush ruleset
    rm -f /etc/sysctl.d/zz-broken.conf
    sysctl -q -w net.ipv4.ip_forward=0 net.ipv4.tcp_syncookies=1 net.ipv4.conf.all.accept_source_route=0
}

control() {
    printf '%s\n' "$@" > /etc/sysctl.d/zz-broken.conf
    sysctl -q -p /etc/sysctl.d/zz-broken.conf
}

break_it() {
    whole
    case $1 in
        no-firewall) ;;
        firewall-lets-all-in)
            systemctl enable -q ufw
            ufw allow 22/tcp >/dev/null; ufw deny 12345/tcp >/dev/null; ufw --force enable >/dev/null ;;
        firewall-not-at-boot)
            nft -f - <<-N
			table inet filter {
			    chain input {
			        type filter hook input priority filter; policy drop;
			        ct state established,related accept
			        iif "lo" accept
			        meta l4proto { icmp, ipv6-icmp } accept
			        tcp dport { 22, 80 } accept
			    }
			}
			N
            ;;
        forwards-packets) control net.ipv4.ip_forward=1 ;;
        network-redirects-believed) sysctl -q -w net.ipv4.conf.all.accept_redirects=1 net.ipv6.conf.all.accept_redirects=1 ;;
        network-settings-loose) control net.ipv4.conf.all.accept_source_route=1 net.ipv4.tcp_syncookies=0 ;;
        *) echo "no such check: $1" >&2; return 2 ;;
    esac
}

# Services here still answer. What other machines reach is seen from outside.
works() {
    exec 3<>/dev/tcp/127.0.0.1/22
    grep -q '^SSH-' <(timeout 5 head -c 4 <&3)
    case $1 in
        no-firewall) grep -q 'dport.*22' <<<"$(nft list table inet cleanbill)"; systemctl is-enabled -q nftables; systemctl restart nftables ;;
        firewall-lets-all-in) grep -q '^22/tcp.*ALLOW' <<<"$(ufw status)" ;;
        firewall-not-at-boot) systemctl is-enabled -q nftables; nft -c -f /etc/nftables.conf; grep -q 'policy drop' <<<"$(nft list ruleset)" ;;
        *) ;;
    esac
}

case ${1:-} in
    list) ids ;;
    break) break_it "${2:?which check?}" ;;
    works) works "${2:?which check?}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
