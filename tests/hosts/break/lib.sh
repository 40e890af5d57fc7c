# shellcheck shell=bash
# What the hooks share. They set $root, the path of the host's root, and source this.
set -euo pipefail
if [ "${root:?}" = / ] || [ ! -d "$root/etc" ]; then echo "not a host's root: $root" >&2; exit 1; fi

in_host() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"; }
put() {         # put PATH [MODE]: a file with what comes on stdin
    mkdir -p "$root$(dirname "$1")"; cat > "$root$1"; chmod "${2:-644}" "$root$1"
}
unit() { systemctl -q --root="$root" "$@"; }

# A person: own account, a password that nobody knows, an SSH key. The private key is for tests that log in, and lies
# outside the host's root, beside it: it goes when the host goes.
person() {
    local name=$1 keys="$root/home/$1/.ssh" secret
    in_host useradd --create-home --shell /bin/bash "$name"
    secret=$(head -c 18 /dev/urandom | base64)
    printf '%s:%s\n' "$name" "$secret" | in_host chpasswd
    chmod 700 "$root/home/$name"
    [ -f "$root/../$name.key" ] || ssh-keygen -q -t ed25519 -N '' -C "$name@laptop" -f "$root/../$name.key"
    mkdir -m 700 "$keys"; cp "$root/../$name.key.pub" "$keys/authorized_keys"; chmod 600 "$keys/authorized_keys"
    in_host chown -R "$name:$name" "/home/$name/.ssh"
}

# certificate DIR NAME FROM UNTIL [ISSUER]: a server certificate valid between two dates (openssl's YYYYMMDDhhmmssZ).
# ISSUER names another pair in DIR; without it the certificate signs itself.
certificate() {
    local dir=$1 name=$2 from=$3 until=$4 issuer=${5:-$2} ca
    ca=$(mktemp -d); mkdir "$ca/new" "$root$dir" 2>/dev/null || true
    : > "$ca/index"; openssl rand -hex 16 > "$ca/serial"
    printf '%s\n' '[ca]' default_ca=d '[d]' "database=$ca/index" "serial=$ca/serial" "new_certs_dir=$ca/new" \
        default_md=sha256 policy=p copy_extensions=copy rand_serial=no '[p]' commonName=supplied > "$ca/conf"
    local usage=(-addext "subjectAltName=DNS:$name")
    [ "$name" != ca ] || usage=(-addext "basicConstraints=critical,CA:true" -addext "keyUsage=critical,keyCertSign,cRLSign")
    openssl req -new -newkey rsa:2048 -nodes -keyout "$root$dir/$name.key" -out "$ca/csr" -subj "/CN=$name" "${usage[@]}" 2>/dev/null
    local sign=(-keyfile "$root$dir/$issuer.key" -cert "$root$dir/$issuer.pem")
    [ "$issuer" != "$name" ] || sign=(-selfsign -keyfile "$root$dir/$name.key")
    openssl ca -batch -notext -config "$ca/conf" -in "$ca/csr" -out "$root$dir/$name.pem" \
        "${sign[@]}" -startdate "$from" -enddate "$until" 2>/dev/null
    rm -rf "$ca"; chmod 644 "$root$dir/$name.pem"; chmod 600 "$root$dir/$name.key"
}

# Refuses everything from outside but the TCP ports named; on at boot.
firewall() {
    local ports=$1
    put /etc/nftables.conf 755 <<-N
	#!/usr/sbin/nft -f
	flush ruleset
	table inet filter {
	    chain input {
	        type filter hook input priority filter; policy drop;
	        ct state established,related accept
	        ct state invalid drop
	        iif "lo" accept
	        ip protocol icmp icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
	        meta l4proto ipv6-icmp accept
	        tcp dport { $ports } ct state new accept
	    }
	    chain forward { type filter hook forward priority filter; policy drop; }
	    chain output { type filter hook output priority filter; policy accept; }
	}
	N
    unit enable nftables
}
