#!/bin/bash
# A server whose owner did everything right; what cleanbill still finds here is a false alarm, or a surprise. Tree: plus.
root=${1:?usage: $0 ROOT}
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"
year=$(date +%Y)

# -- accounts
in_host groupadd --system ssh-users
put /etc/login.defs.new < <(sed -E \
    -e 's/^(PASS_MAX_DAYS\s+).*/\1365/' -e 's/^(PASS_MIN_DAYS\s+).*/\11/' -e 's/^(PASS_WARN_AGE\s+).*/\17/' \
    -e 's/^(UMASK\s+).*/\1027/' -e 's/^#?(HOME_MODE\s+).*/\10700/' -e 's/^(LOGIN_RETRIES\s+).*/\13/' \
    -e 's/^(ENCRYPT_METHOD\s+).*/\1YESCRYPT/' -e 's/^#?\s*(YESCRYPT_COST_FACTOR\s+).*/\17/' -e 's/^#?\s*(SHA_CRYPT_M(IN|AX)_ROUNDS\s+).*/\1100000/' "$root/etc/login.defs")
mv "$root/etc/login.defs.new" "$root/etc/login.defs"
grep -q '^SHA_CRYPT_MIN_ROUNDS' "$root/etc/login.defs" || printf 'SHA_CRYPT_MIN_ROUNDS 100000\nSHA_CRYPT_MAX_ROUNDS 100000\n' >> "$root/etc/login.defs"
in_host useradd -D -f 30 >/dev/null
person anna
in_host usermod -aG sudo,ssh-users anna
in_host chage --maxdays 365 --mindays 1 --warndays 7 --inactive 30 anna
in_host chage --maxdays 365 --mindays 1 --warndays 7 root
in_host passwd -q -l root
in_host groupadd --system no-su         # an empty group: nobody may use su
sed -i 's/^#\s*auth\s\+required\s\+pam_wheel\.so\s*$/auth required pam_wheel.so use_uid group=no-su/' "$root/etc/pam.d/su"

put /etc/security/pwquality.conf <<'C'
minlen = 14
minclass = 4
maxrepeat = 3
maxsequence = 3
difok = 2
dictcheck = 1
enforce_for_root
C
put /etc/security/faillock.conf <<'C'
audit
deny = 5
unlock_time = 900
even_deny_root
root_unlock_time = 900
C
put /etc/security/pwhistory.conf <<'C'
remember = 24
enforce_for_root
C
# Debian ships no profile for these two, so pam-auth-update gets them from us.
put /usr/share/pam-configs/faillock <<'C'
Name: Lock an account after too many wrong passwords
Default: yes
Priority: 0
Auth-Type: Primary
Auth:
	[default=die] pam_faillock.so authfail
C
put /usr/share/pam-configs/faillock-notify <<'C'
Name: Count wrong passwords before asking, and forget them after a right one
Default: yes
Priority: 1024
Auth-Type: Primary
Auth:
	requisite pam_faillock.so preauth
Account-Type: Primary
Account:
	required pam_faillock.so
C
put /usr/share/pam-configs/pwhistory <<'C'
Name: Remember old passwords
Default: yes
Priority: 1000
Password-Type: Primary
Password:
	requisite pam_pwhistory.so remember=24 enforce_for_root try_first_pass use_authtok
C
in_host DEBIAN_FRONTEND=noninteractive pam-auth-update --package --enable faillock faillock-notify pwquality pwhistory unix
sed -i 's/ nullok//' "$root/etc/pam.d/common-auth"      # an empty password opens nothing

put /etc/sudoers.d/10-hardening 440 <<'C'
Defaults use_pty
Defaults logfile="/var/log/sudo.log"
Defaults timestamp_timeout=5
C
put /etc/security/limits.d/10-no-core.conf <<< '* hard core 0'
put /etc/systemd/coredump.conf.d/10-none.conf <<< $'[Coredump]\nStorage=none\nProcessSizeMax=0'
put /etc/profile.d/10-hardening.sh <<< $'umask 027\nreadonly TMOUT=900\nexport TMOUT'
sed -i 's/^session\s\+optional\s\+pam_umask\.so.*/session optional pam_umask.so umask=0027/' "$root"/etc/pam.d/common-session*
grep -q pam_umask "$root/etc/pam.d/common-session" || echo 'session optional pam_umask.so umask=0027' >> "$root/etc/pam.d/common-session"

# -- SSH
put /etc/ssh/sshd_config.d/10-hardening.conf 600 <<'C'
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthenticationMethods publickey
AllowGroups ssh-users
MaxAuthTries 3
MaxSessions 4
MaxStartups 10:30:60
LoginGraceTime 30
ClientAliveInterval 300
ClientAliveCountMax 2
X11Forwarding no
AllowTcpForwarding no
AllowAgentForwarding no
PermitTunnel no
PermitUserEnvironment no
TCPKeepAlive no
Compression no
UseDNS no
LogLevel VERBOSE
Banner /etc/issue.net
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
HostKeyAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256
C
chmod 600 "$root/etc/ssh/sshd_config"
rm -f "$root"/etc/ssh/ssh_host_ecdsa_key*
banner='This computer is private. Only people who were asked to may use it. What happens on it is recorded.'
for f in issue issue.net; do put "/etc/$f" <<< "$banner"; done
: > "$root/etc/motd"; rm -f "$root"/etc/update-motd.d/10-uname

# -- network
firewall "22, 80, 443"
put /etc/sysctl.d/60-hardening.conf <<'C'
dev.tty.ldisc_autoload = 0
fs.protected_fifos = 2
fs.protected_hardlinks = 1
fs.protected_regular = 2
fs.protected_symlinks = 1
fs.suid_dumpable = 0
kernel.core_uses_pid = 1
kernel.ctrl-alt-del = 0
kernel.dmesg_restrict = 1
kernel.kexec_load_disabled = 1
kernel.kptr_restrict = 2
kernel.perf_event_paranoid = 3
kernel.randomize_va_space = 2
kernel.sysrq = 0
kernel.unprivileged_bpf_disabled = 1
kernel.yama.ptrace_scope = 1
net.core.bpf_jit_harden = 2
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.all.accept_source_route = 0
net.ipv4.conf.all.log_martians = 1
net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.all.secure_redirects = 0
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
net.ipv4.conf.default.accept_source_route = 0
net.ipv4.conf.default.log_martians = 1
net.ipv4.conf.default.rp_filter = 1
net.ipv4.conf.default.secure_redirects = 0
net.ipv4.conf.default.send_redirects = 0
net.ipv4.icmp_echo_ignore_broadcasts = 1
net.ipv4.icmp_ignore_bogus_error_responses = 1
net.ipv4.ip_forward = 0
net.ipv4.tcp_syncookies = 1
net.ipv6.conf.all.accept_ra = 0
net.ipv6.conf.all.accept_redirects = 0
net.ipv6.conf.all.accept_source_route = 0
net.ipv6.conf.all.forwarding = 0
net.ipv6.conf.default.accept_ra = 0
net.ipv6.conf.default.accept_redirects = 0
net.ipv6.conf.default.accept_source_route = 0
C
put /etc/modprobe.d/10-unused.conf < <(for m in cramfs freevxfs hfs hfsplus jffs2 udf usb-storage firewire-core dccp sctp rds tipc; do
    printf 'install %s /bin/false\nblacklist %s\n' "$m" "$m"; done)
put /etc/fail2ban/jail.d/10-sshd.conf <<'C'
[DEFAULT]
banaction = nftables-multiport
[sshd]
enabled = true
maxretry = 4
findtime = 10m
bantime = 1h
C
# shellcheck disable=SC2016  # postfix expands it
in_host postconf -e inet_interfaces=loopback-only disable_vrfy_command=yes 'smtpd_banner=$myhostname ESMTP'
echo 'root: anna' >> "$root/etc/aliases"; in_host newaliases

# -- web and database, both as they should be
from=${year}0101000000Z
certificate /etc/cleanbill-testbed-ca ca "$from" "$((year + 5))0101000000Z"
certificate /etc/cleanbill-testbed-ca bakery.example "$from" "$((year + 2))0101000000Z" ca
mkdir -p "$root/etc/nginx/tls" "$root/usr/local/share/ca-certificates"
mv "$root"/etc/cleanbill-testbed-ca/bakery.example.* "$root/etc/nginx/tls/"
mv "$root/etc/cleanbill-testbed-ca/ca.pem" "$root/usr/local/share/ca-certificates/bakery-office.crt"
rm -rf "$root/etc/cleanbill-testbed-ca"         # nobody keeps an authority's key on a web server
in_host update-ca-certificates >/dev/null 2>&1
cat "$root/usr/local/share/ca-certificates/bakery-office.crt" >> "$root/etc/nginx/tls/bakery.example.pem"
put /etc/nginx/sites-available/default <<'C'
server_tokens off;
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    return 301 https://bakery.example$request_uri;
}
server {
    listen 443 ssl http2 default_server;
    listen [::]:443 ssl http2 default_server;
    server_name bakery.example;
    ssl_certificate     /etc/nginx/tls/bakery.example.pem;
    ssl_certificate_key /etc/nginx/tls/bakery.example.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    ssl_prefer_server_ciphers off;
    ssl_session_tickets off;
    add_header Strict-Transport-Security "max-age=63072000" always;
    add_header X-Content-Type-Options nosniff always;
    add_header X-Frame-Options DENY always;
    add_header Content-Security-Policy "default-src 'self'" always;
    add_header Referrer-Policy no-referrer always;
    root /var/www/html;
    location / { try_files $uri $uri/ =404; }
}
C
sed -i 's/ssl_protocols .*/ssl_protocols TLSv1.2 TLSv1.3;/; s/^\(\s*\)# server_tokens off;/\1server_tokens off;/' "$root/etc/nginx/nginx.conf"
sed -i '1d' "$root/etc/nginx/sites-available/default"           # said once, in nginx.conf
put /var/www/html/index.html <<< '<!doctype html><title>Bakery</title><h1>Bread</h1>'
rm -f "$root/var/www/html/index.nginx-debian.html"
for hba in "$root"/etc/postgresql/*/main/pg_hba.conf; do
    printf '%s\n' 'local all postgres peer' 'local all all scram-sha-256' 'host all all 127.0.0.1/32 scram-sha-256' \
        'host all all ::1/128 scram-sha-256' > "$hba"
    mkdir -p "$(dirname "$hba")/conf.d"
    printf '%s\n' "listen_addresses = 'localhost'" 'password_encryption = scram-sha-256' 'log_connections = on' \
        'log_disconnections = on' > "$(dirname "$hba")/conf.d/10-hardening.conf"
    chmod 644 "$(dirname "$hba")/conf.d/10-hardening.conf"
done

# -- keeping it so
put /etc/apt/apt.conf.d/20auto-upgrades <<'C'
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Download-Upgradeable-Packages "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
C
put /etc/apt/apt.conf.d/52unattended-local <<'C'
Unattended-Upgrade::Mail "root";
Unattended-Upgrade::MailReport "only-on-error";
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-Time "04:00";
Unattended-Upgrade::Remove-Unused-Dependencies "true";
C
put /etc/systemd/journald.conf.d/10-keep.conf <<'C'
[Journal]
Storage=persistent
Compress=yes
SystemMaxUse=200M
ForwardToSyslog=yes
C
mkdir -p "$root/var/log/journal"; in_host chown root:systemd-journal /var/log/journal; chmod 2755 "$root/var/log/journal"
# shellcheck disable=SC2016  # rsyslog's own sign
put /etc/rsyslog.d/10-modes.conf <<< '$FileCreateMode 0640'
put /etc/audit/rules.d/10-identity.rules 640 <<'C'
-w /etc/passwd -p wa -k identity
-w /etc/group -p wa -k identity
-w /etc/shadow -p wa -k identity
-w /etc/gshadow -p wa -k identity
-w /etc/sudoers -p wa -k scope
-w /etc/sudoers.d -p wa -k scope
-w /etc/ssh/sshd_config -p wa -k sshd
-w /etc/ssh/sshd_config.d -p wa -k sshd
C
put /etc/audit/rules.d/20-actions.rules 640 <<'C'
-w /var/log/sudo.log -p wa -k sudo
-w /var/log/wtmp -p wa -k session
-w /var/log/btmp -p wa -k session
-w /var/log/lastlog -p wa -k logins
-a always,exit -F arch=b64 -S adjtimex,settimeofday,clock_settime -k time-change
-a always,exit -F arch=b64 -S sethostname,setdomainname -k system-locale
-a always,exit -F arch=b64 -S chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown -F auid>=1000 -F auid!=unset -k perm_mod
-a always,exit -F arch=b64 -S init_module,finit_module,delete_module -k modules
-a always,exit -F arch=b64 -S mount -F auid>=1000 -F auid!=unset -k mounts
C
put /etc/audit/rules.d/99-finalize.rules 640 <<< '-e 2'
sed -i -e 's/^max_log_file_action.*/max_log_file_action = keep_logs/' -e 's/^space_left_action.*/space_left_action = email/' \
    -e 's/^admin_space_left_action.*/admin_space_left_action = single/' "$root/etc/audit/auditd.conf"
sed -i 's/^ENABLED=.*/ENABLED="true"/' "$root/etc/default/sysstat"
sed -i 's/^CRON_CHECK=.*/CRON_CHECK=daily/' "$root/etc/default/debsums"
unit enable chrony cron rsyslog ssh fail2ban auditd apparmor nginx postgresql unattended-upgrades sysstat acct
unit disable ufw                # one firewall is enough

# A small set of files watched by aide, so that its first look takes a second.
put /etc/aide/aide.conf 600 <<'C'
database_in=file:/var/lib/aide/aide.db
database_out=file:/var/lib/aide/aide.db.new
database_new=file:/var/lib/aide/aide.db.new
gzip_dbout=yes
report_url=stdout
Checks = p+i+n+u+g+s+m+c+sha256
/etc/ssh Checks
/etc/pam.d Checks
/etc/sudoers.d Checks
/usr/sbin Checks
C
rm -rf "$root/etc/aide/aide.conf.d"

# -- a backup that really ran: encrypted, daily, last one just now
put /etc/restic/password 600 < <(head -c 24 /dev/urandom | base64)
chmod 700 "$root/etc/restic"
put /usr/local/sbin/backup 750 <<'C'
#!/bin/sh
# Saves what cannot be had again; keeps a week of days and two months of weeks.
set -eu
export RESTIC_REPOSITORY=/srv/backup RESTIC_PASSWORD_FILE=/etc/restic/password RESTIC_CACHE_DIR=/var/cache/restic
[ -e /srv/backup/config ] || restic -q init
restic -q backup /etc /home /var/www
restic -q forget --keep-daily 7 --keep-weekly 8
C
put /etc/systemd/system/backup.service <<'C'
[Unit]
Description=Daily backup
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/backup
C
put /etc/systemd/system/backup.timer <<'C'
[Unit]
Description=Daily backup
[Timer]
OnCalendar=daily
Persistent=true
[Install]
WantedBy=timers.target
C
unit enable backup.timer
mkdir -p "$root/srv/backup" "$root/var/cache/restic"; chmod 700 "$root/srv/backup" "$root/var/cache/restic"

# -- file modes
chmod 600 "$root/etc/crontab"
for x in cron.d cron.daily cron.hourly cron.weekly cron.monthly; do chmod 700 "$root/etc/$x"; done
put /etc/cron.allow 640 <<< root; rm -f "$root/etc/cron.deny"
put /etc/at.allow 640 <<< root; rm -f "$root/etc/at.deny"
in_host chown root:crontab /etc/cron.allow
chmod 750 "$root/etc/sudoers.d"; chmod 700 "$root/root"
put /etc/fstab <<'C'
tmpfs /dev/shm tmpfs defaults,nodev,nosuid,noexec 0 0
C
in_host find /var/log -type f -perm /o+r -not -name lastlog -not -name wtmp -exec chmod o-r {} +

# The first looks of aide and backup, last, so that they know the files as they stay.
in_host aide --config /etc/aide/aide.conf --init >/dev/null && mv "$root/var/lib/aide/aide.db.new" "$root/var/lib/aide/aide.db"
in_host /usr/local/sbin/backup
