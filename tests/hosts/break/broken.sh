#!/bin/bash
# Everything that goes wrong on neglected servers, at once. Tree: full (no update ever installed).
# Each thing done here has its line in ../expect/broken.txt.
root=${1:?usage: $0 ROOT}
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"

# -- logging in
echo root:root | in_host chpasswd
put /etc/ssh/sshd_config.d/00-quick.conf <<'C'
PermitRootLogin yes
PasswordAuthentication yes
PermitEmptyPasswords yes
StrictModes no
C
in_host useradd -m -s /bin/bash dave;  in_host passwd -q -d dave
in_host useradd -o -u 0 -g 0 -M -d /root -s /bin/bash toor; echo toor:toor | in_host chpasswd
in_host useradd -m -s /bin/bash erik;  echo erik:erik | in_host chpasswd -c MD5
person olga
chmod 666 "$root/home/olga/.ssh/authorized_keys"; chmod 777 "$root/home/olga"
put /etc/sudoers.d/everybody 440 <<'C'
ALL ALL=(ALL:ALL) NOPASSWD: ALL
C

# -- files
put /opt/scripts/nightly.sh 777 <<'C'
#!/bin/sh
tar -czf /root/nightly.tgz /etc
C
put /var/spool/cron/crontabs/root 600 <<'C'
15 3 * * * /opt/scripts/nightly.sh
C
in_host chown root:crontab /var/spool/cron/crontabs/root
install -o root -g root -m 4755 "$root/bin/bash" "$root/usr/local/bin/rsh-helper"
chmod 644 "$root/etc/shadow"
mkdir -p "$root/srv/old"; echo orphan > "$root/srv/old/invoices.txt"; chown -R 4711:4711 "$root/srv/old"
put /etc/shop.conf 644 <<'C'
db_user = shop
db_password = hunter2hunter2
C

# -- services
sed -i "s/^#\?listen_addresses.*/listen_addresses = '*'/" "$root"/etc/postgresql/*/main/postgresql.conf
for hba in "$root"/etc/postgresql/*/main/pg_hba.conf; do echo 'host all all 0.0.0.0/0 trust' >> "$hba"; done
certificate /etc/nginx/tls shop.example 20230101000000Z 20240101000000Z
chmod 644 "$root/etc/nginx/tls/shop.example.key"
put /etc/nginx/sites-available/shop <<'C'
server {
    listen 443 ssl default_server;
    server_name shop.example;
    ssl_certificate     /etc/nginx/tls/shop.example.pem;
    ssl_certificate_key /etc/nginx/tls/shop.example.key;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
    root /var/www/html;
    autoindex on;
}
C
ln -s ../sites-available/shop "$root/etc/nginx/sites-enabled/shop"
put /etc/systemd/system/report-sync.service <<'C'
[Unit]
Description=Copies the reports to the head office
[Service]
Type=oneshot
ExecStart=/bin/false
[Install]
WantedBy=multi-user.target
C
unit enable report-sync

# -- the system
put /etc/sysctl.d/99-router.conf <<'C'
net.ipv4.ip_forward = 1
net.ipv4.conf.all.accept_source_route = 1
net.ipv4.conf.default.accept_source_route = 1
net.ipv4.conf.all.accept_redirects = 1
net.ipv4.tcp_syncookies = 0
kernel.randomize_va_space = 0
C
unit disable nftables ufw chrony fail2ban
unit disable logrotate.timer     # logs grow for ever (cron.daily/logrotate does nothing where systemd runs)
put /etc/apt/apt.conf.d/20auto-upgrades <<'C'
APT::Periodic::Update-Package-Lists "0";
APT::Periodic::Unattended-Upgrade "0";
C
put /etc/apt/sources.list.d/tools.list <<'C'
deb [trusted=yes] http://packages.tools.invalid/debian stable main
C
