#!/bin/bash
# A small web server in sensible hands: keys only, firewall, updates by themselves. Tree: patched.
root=${1:?usage: $0 ROOT}
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"

person anna
in_host usermod -aG sudo anna

put /etc/ssh/sshd_config.d/10-keys-only.conf <<'C'
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
C

put /var/www/html/index.html <<'C'
<!doctype html><title>Anna's bakery</title><h1>Bread, every morning from seven</h1>
C
rm -f "$root/var/www/html/index.nginx-debian.html"
put /etc/nginx/sites-available/default <<'C'
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name bakery.example;
    root /var/www/html;
    server_tokens off;
    location / { try_files $uri $uri/ =404; }
}
C

put /etc/apt/apt.conf.d/20auto-upgrades <<'C'
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
C
# Mail is for this machine only.
in_host postconf -e inet_interfaces=loopback-only
firewall "22, 80"
