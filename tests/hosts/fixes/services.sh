#!/bin/bash
# Ways to run services badly, one for each check that has a fix. Runs inside a throw-away host, as root.
#
#   services.sh list         the ids of the checks that it can break
#   services.sh break ID     breaks the machine so that the check finds something
#   services.sh works ID     whether what is concerned still works
#   services.sh answer ID   what to answer to the question of the fix, where it has one
set -euo pipefail

units=/etc/systemd/system

ids() {
    cat <<-I
	desktop-services-on-server
	mail-not-encrypted
	mail-open-relay
	mail-open-to-all
	mail-version-shown
	old-services-on
	programs-old-code
	service-change-not-loaded
	service-file-writable
	service-program-writable
	timed-jobs-do-not-run
	I
}

whole() {
    [ -f /root/main.cf ] || cp -p /etc/postfix/main.cf /root/main.cf
    cp -p /root/main.cf /etc/postfix/main.cf
    systemctl disable -q --now cups.service telnet.socket shop.service 2>/dev/null || true
    rm -f "$units/cups.service" "$units/telnet.socket" "$units/telnet@.service" "$units/shop.service" /usr/local/bin/shop
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

answer() {
    case $1 in
        services-without-limits) printf "%s\n" shop.service fail2ban.service nginx.service postfix@-.service ;;
        *) ;;
    esac
}

break_it() {
    whole
    case $1 in
        desktop-services-on-server) service cups /usr/bin/sleep ;;
        mail-not-encrypted)
            openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mail -days 3650 -keyout /etc/postfix/k -out /etc/postfix/c 2>/dev/null
            sed -i '/^smtpd_tls/d' /etc/postfix/main.cf
            mail 'inet_interfaces = all' 'smtpd_tls_cert_file = /etc/postfix/c' 'smtpd_tls_key_file = /etc/postfix/k' \
                'smtpd_tls_security_level = none' ;;
        mail-open-relay) mail 'inet_interfaces = all' 'mynetworks = 0.0.0.0/0' ;;
        mail-open-to-all) mail 'inet_interfaces = all' 'mydestination = localhost' ;;
        mail-version-shown)
            # shellcheck disable=SC2016  # Postfix expands it
            mail 'inet_interfaces = all' 'smtpd_banner = $myhostname ESMTP $mail_name ($mail_version)' ;;
        old-services-on)
            printf '[Socket]\nListenStream=2323\nAccept=yes\n[Install]\nWantedBy=sockets.target\n' > "$units/telnet.socket"
            printf '[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n' > "$units/telnet@.service"
            systemctl daemon-reload; systemctl enable -q --now telnet.socket ;;
        programs-old-code)
            cp /usr/bin/sleep /usr/local/bin/shop; service shop /usr/local/bin/shop
            cp /usr/bin/sleep /usr/local/bin/shop.new; mv /usr/local/bin/shop.new /usr/local/bin/shop ;;
        service-change-not-loaded) service shop /usr/bin/sleep; sleep 1.1; echo '# changed' >> "$units/shop.service" ;;
        service-file-writable) service shop /usr/bin/sleep; chmod 666 "$units/shop.service" ;;
        service-program-writable) cp /usr/bin/sleep /usr/local/bin/shop; service shop /usr/local/bin/shop; chmod 777 /usr/local/bin/shop ;;
        services-without-limits) service shop /usr/bin/sleep ;;
        timed-jobs-do-not-run) echo '0 3 * * * root true' > /etc/cron.d/broken; systemctl stop cron ;;
        *) echo "no such check: $1" >&2; return 2 ;;
    esac
}

works() {
    systemctl is-active -q postfix ssh
    postfix check
    case $1 in
        mail-*)
            exec 3<>/dev/tcp/127.0.0.1/25
            grep -q '^220 ' <(timeout 5 head -n 1 <&3) ;;
        old-services-on) ! systemctl is-active -q telnet.socket ;;
        desktop-services-on-server) ! systemctl is-active -q cups ;;
        timed-jobs-do-not-run) systemctl is-active -q cron ;;
        *) systemctl is-active -q shop ;;
    esac
}

case ${1:-} in
    list) ids ;;
    break) break_it "${2:?which check?}" ;;
    works) works "${2:?which check?}" ;;
    answer) answer "${2:?which check?}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
