#!/bin/bash
# Ways to set up a web server badly, one for each check that has a fix. Runs inside a throw-away host, as root.
#
#   web.sh list         the ids of the checks that it can break
#   web.sh break ID     breaks the machine so that the check finds something
#   web.sh works ID     whether what is concerned still works
set -euo pipefail

site=/etc/nginx/conf.d/broken.conf

ids() {
    cat <<-I
	web-folder-escape
	web-folder-lists
	web-old-encryption
	web-root-writable
	web-runs-as-root
	web-status-open
	web-version-shown
	I
}

whole() {
    [ -f /root/nginx.conf ] || cp -p /etc/nginx/nginx.conf /root/nginx.conf
    cp -p /root/nginx.conf /etc/nginx/nginx.conf
    rm -f "$site"
    chmod 755 /var/www/html
}

server() {
    printf 'server {\n    listen 8088;\n    server_name broken.example;\n    root /var/www/html;\n    index index.nginx-debian.html;\n%s\n}\n' "$1" > "$site"
}

break_it() {
    whole
    case $1 in
        web-folder-escape) mkdir -p /srv/files; server '    location /files  {
        # pictures
        alias /srv/files/;
    }' ;;
        web-folder-lists) server '    location /x/ {
        autoindex   on;
    }' ;;
        web-old-encryption)
            [ -f /etc/nginx/broken.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=broken.example -days 3650 \
                -keyout /etc/nginx/broken.key -out /etc/nginx/broken.pem 2>/dev/null
            server '    listen 8443 ssl;
    ssl_certificate /etc/nginx/broken.pem;
    ssl_certificate_key /etc/nginx/broken.key;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;' ;;
        web-root-writable) server ''; chmod 777 /var/www/html ;;
        web-runs-as-root) sed -i 's/^user .*/user root;/' /etc/nginx/nginx.conf ;;
        web-status-open) server '    location /status { stub_status; }' ;;
        web-version-shown) server '' ;;
        *) echo "no such check: $1" >&2; return 2 ;;
    esac
    systemctl restart nginx
}

works() {
    local port=80 said
    nginx -t -q
    systemctl is-active -q nginx
    [ ! -f "$site" ] || port=8088
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET / HTTP/1.0\r\n\r\n' >&3
    said=$(timeout 5 cat <&3)
    grep -q '^HTTP/1.1 200' <<<"$said"
    [ "$1" != web-version-shown ] || grep -q '^Server: nginx.$' <<<"$said"
}

case ${1:-} in
    list) ids ;;
    break) break_it "${2:?which check?}" ;;
    works) works "${2:?which check?}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
