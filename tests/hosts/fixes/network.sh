#!/bin/bash
# Opens a host to its network, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317,SC2034
. "$(dirname "$0")/lib.sh"

TREE=wide

# No rules at all, and none at the next start.
whole() {
    ufw --force disable >/dev/null 2>&1 || true
    ufw default allow incoming >/dev/null 2>&1 || true
    systemctl disable -q --now ufw nftables vsftpd 2>/dev/null || true
    printf '#!/usr/sbin/nft -f\n\nflush ruleset\n' > /etc/nftables.conf
    nft flush ruleset
    rm -f /etc/sysctl.d/zz-broken.conf
    sysctl -q -w net.ipv4.ip_forward=0 net.ipv4.tcp_syncookies=1 net.ipv4.conf.all.accept_source_route=0
}

control() {
    printf '%s\n' "$@" > /etc/sysctl.d/zz-broken.conf
    sysctl -q -p /etc/sysctl.d/zz-broken.conf
}

# Services here still answer. That other machines reach SSH too is looked at from outside.
works() { door_says 22 'SSH-*'; }

# A door that nobody listens at while it is mended: what listens then is let in.
door() {
    # shellcheck disable=SC2016  # perl expands it
    systemd-run -q --collect --unit=door perl -MIO::Socket::INET \
        -e 'my $door = IO::Socket::INET->new(LocalPort => 8099, Listen => 5, ReuseAddr => 1) or die; sleep 600'
    # From here it opens, whatever others may.
    soon timeout 2 bash -c 'exec 3<>/dev/tcp/10.76.0.2/8099' 2>/dev/null
    echo 8099
}
shut() { systemctl stop door; }

break_no_firewall() { :; }
door_no_firewall() { door; }
shut_no_firewall() { shut; }
works_no_firewall() {
    works
    grep -q 'dport.*22' <<<"$(nft list table inet cleanbill)"
    systemctl is-enabled -q nftables; systemctl restart nftables
    grep -q 'dport.*22' <<<"$(nft list table inet cleanbill)"
}

break_firewall_lets_all_in() {
    systemctl enable -q ufw
    ufw allow 22/tcp >/dev/null; ufw deny 12345/tcp >/dev/null; ufw --force enable >/dev/null
}
door_firewall_lets_all_in() { door; }
shut_firewall_lets_all_in() { shut; }
works_firewall_lets_all_in() { works; grep -q '^22/tcp.*ALLOW' <<<"$(ufw status)"; }

break_firewall_not_at_boot() {
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
}
works_firewall_not_at_boot() {
    works
    systemctl is-enabled -q nftables; nft -c -f /etc/nftables.conf
    grep -q 'policy drop' <<<"$(nft list ruleset)"
}

break_forwards_packets() { control net.ipv4.ip_forward=1; }
works_forwards_packets() { works; [ "$(sysctl -n net.ipv4.ip_forward)" = 0 ]; }

break_network_redirects_believed() { sysctl -q -w net.ipv4.conf.all.accept_redirects=1 net.ipv6.conf.all.accept_redirects=1; }
works_network_redirects_believed() { works; [ "$(sysctl -n net.ipv4.conf.all.accept_redirects)" = 0 ]; }

break_network_settings_loose() { control net.ipv4.conf.all.accept_source_route=1 net.ipv4.tcp_syncookies=0; }
works_network_settings_loose() { works; [ "$(sysctl -n net.ipv4.tcp_syncookies)" = 1 ]; }

break_plain_text_service_open() { systemctl enable -q --now vsftpd; }
answers_plain_text_service_open() { echo vsftpd.service; }
works_plain_text_service_open() { works; if systemctl is-active -q vsftpd; then return 1; fi; }

main "$@"
