#!/bin/bash
# Runs services badly, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

units=/etc/systemd/system

whole() {
    as_first /etc/postfix/main.cf
    systemctl disable -q --now cups.service telnet.socket shop.service 2>/dev/null || true
    rm -rf "$units/cups.service" "$units/telnet.socket" "$units/telnet@.service" "$units/shop.service" "$units/shop.service.d" /usr/local/bin/shop
    systemctl daemon-reload
    systemctl start cron postfix
}

service() {     # service NAME PROGRAM: one that runs until it is stopped
    printf '[Unit]\nDescription=%s\n[Service]\nExecStart=%s infinity\n[Install]\nWantedBy=multi-user.target\n' "$1" "$2" \
        > "$units/$1.service"
    systemctl daemon-reload
    systemctl enable -q --now "$1"
}

mail() {
    printf '%s\n' "$@" >> /etc/postfix/main.cf
    systemctl restart postfix
}

works() { active postfix ssh cron; postfix check; }
works_shop() { works; systemctl is-active -q shop; }
works_mail() { works; door_says 25 '220 *'; }

break_desktop_services_on_server() { service cups /usr/bin/sleep; }
works_desktop_services_on_server() { works; if systemctl is-active -q cups; then return 1; fi; }

break_mail_not_encrypted() {
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mail -days 3650 -keyout /etc/postfix/k -out /etc/postfix/c 2>/dev/null
    sed -i '/^smtpd_tls/d' /etc/postfix/main.cf
    mail 'inet_interfaces = all' 'smtpd_tls_cert_file = /etc/postfix/c' 'smtpd_tls_key_file = /etc/postfix/k' \
        'smtpd_tls_security_level = none'
}
works_mail_not_encrypted() { works_mail; grep -q 'BEGIN CERT' <<<"$(openssl s_client -starttls smtp -connect 127.0.0.1:25 </dev/null 2>/dev/null)"; }

break_mail_open_relay() { mail 'inet_interfaces = all' 'mynetworks = 0.0.0.0/0'; }
works_mail_open_relay() { works_mail; if says 0.0.0.0/0 postconf -h mynetworks; then return 1; fi; }

break_mail_open_to_all() { mail 'inet_interfaces = all' 'mydestination = localhost'; }
works_mail_open_to_all() { works_mail; [ "$(postconf -h inet_interfaces)" = loopback-only ]; }

# shellcheck disable=SC2016  # Postfix expands it
break_mail_version_shown() { mail 'inet_interfaces = all' 'smtpd_banner = $myhostname ESMTP $mail_name ($mail_version)'; }
works_mail_version_shown() { works; door_says 25 '220 * ESMTP*'; if door_says 25 '*[0-9].[0-9]*'; then return 1; fi; }

break_old_services_on() {
    printf '[Socket]\nListenStream=2323\nAccept=yes\n[Install]\nWantedBy=sockets.target\n' > "$units/telnet.socket"
    printf '[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n' > "$units/telnet@.service"
    systemctl daemon-reload; systemctl enable -q --now telnet.socket
}
works_old_services_on() { works; if systemctl is-active -q telnet.socket; then return 1; fi; }

break_programs_old_code() {
    cp /usr/bin/sleep /usr/local/bin/shop; service shop /usr/local/bin/shop
    cp /usr/bin/sleep /usr/local/bin/shop.new; mv /usr/local/bin/shop.new /usr/local/bin/shop
}
works_programs_old_code() { works_shop; }
stays_programs_old_code() { echo 'what runs is never made older'; }

break_service_change_not_loaded() { service shop /usr/bin/sleep; sleep 1.1; echo '# changed' >> "$units/shop.service"; }
works_service_change_not_loaded() { works_shop; }
stays_service_change_not_loaded() { echo 'nothing forgets what it has read'; }

break_service_file_writable() { service shop /usr/bin/sleep; chmod 666 "$units/shop.service"; }
works_service_file_writable() { works_shop; }

break_service_program_writable() { cp /usr/bin/sleep /usr/local/bin/shop; service shop /usr/local/bin/shop; chmod 777 /usr/local/bin/shop; }
works_service_program_writable() { works_shop; }

break_services_without_limits() { service shop /usr/bin/sleep; }
answers_services_without_limits() { printf '%s\n' {shop,fail2ban,nginx,postfix@-,rsyslog}.service; }
works_services_without_limits() {
    works_shop; works_mail
    door_says 80 'HTTP/1.1 200*' 'GET / HTTP/1.0\r\n\r\n'
    fail2ban-client ping >/dev/null
    logger -p auth.info "limits $$"; soon grep -q "limits $$" /var/log/auth.log
    [ "$(systemctl show -p NoNewPrivileges,ProtectSystem --value shop | paste -sd' ')" = 'full yes' ]
}

break_timed_jobs_do_not_run() { echo '0 3 * * * root true' > /etc/cron.d/broken; systemctl stop cron; }
works_timed_jobs_do_not_run() { works; systemctl is-active -q cron; }

main "$@"
