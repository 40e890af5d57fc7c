#!/bin/bash
# Sets up web servers badly, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317,SC2034
. "$(dirname "$0")/lib.sh"

TREE=wide
site=/etc/nginx/conf.d/broken.conf
ini=/etc/php/8.2/fpm/php.ini

whole() {
    as_first /etc/nginx/nginx.conf "$ini" /etc/apache2/conf-available/security.conf
    rm -f "$site"
    chmod 755 /var/www/html
    systemctl stop apache2 php8.2-fpm; systemctl restart nginx
}

server() {
    printf 'server {\n    listen 8088;\n    server_name broken.example;\n    root /var/www/html;\n    index index.nginx-debian.html;\n%s\n}\n' "$1" > "$site"
    systemctl restart nginx
}

works() {
    local port=80
    nginx -t -q
    systemctl is-active -q nginx
    [ ! -f "$site" ] || port=8088
    door_says "$port" 'HTTP/1.1 200*' 'GET / HTTP/1.0\r\n\r\n'
}

break_web_folder_escape() { mkdir -p /srv/files; server '    location /files  {
        # pictures
        alias /srv/files/;
    }'; }

break_web_folder_lists() { server '    location /x/ {
        autoindex   on;
    }'; }

break_web_old_encryption() {
    [ -f /etc/nginx/broken.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=broken.example -days 3650 \
        -keyout /etc/nginx/broken.key -out /etc/nginx/broken.pem 2>/dev/null
    server '    listen 8443 ssl;
    ssl_certificate /etc/nginx/broken.pem;
    ssl_certificate_key /etc/nginx/broken.key;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;'
}
works_web_old_encryption() { works; grep -q 'BEGIN CERT' <<<"$(openssl s_client -tls1_2 -connect 127.0.0.1:8443 </dev/null 2>/dev/null)"; }

break_web_root_writable() { server ''; chmod 777 /var/www/html; }

break_web_runs_as_root() { sed -i 's/^user .*/user root;/' /etc/nginx/nginx.conf; systemctl restart nginx; }
works_web_runs_as_root() { works; pgrep -u www-data nginx >/dev/null; }

break_web_status_open() { server '    location /status { stub_status; }'; }

break_web_version_shown() { server ''; }
works_web_version_shown() {
    works
    exec 3<>/dev/tcp/127.0.0.1/8088; printf 'GET / HTTP/1.0\r\n\r\n' >&3
    grep -q '^Server: nginx.$' <<<"$(timeout 5 cat <&3)"
}

php() {     # php NAME VALUE: in its settings
    sed -i "s/^;\{0,1\}$1 *=.*/$1 = $2/" "$ini"
    systemctl restart php8.2-fpm
}
php_says() { systemctl is-active -q php8.2-fpm; grep -q "^$1 => $2" <<<"$(php-fpm8.2 -i)"; }

break_php_runs_foreign_code() { php allow_url_include On; }
works_php_runs_foreign_code() { php_says allow_url_include Off; }

break_php_shows_errors() { php display_errors On; php log_errors Off; }
works_php_shows_errors() { php_says display_errors Off; php_says log_errors On; }

break_php_version_shown() { php expose_php On; }
works_php_version_shown() { php_says expose_php Off; }

break_web_trace_on() {
    systemctl stop nginx
    sed -i 's/^TraceEnable.*/TraceEnable On/' /etc/apache2/conf-available/security.conf
    systemctl restart apache2
}
works_web_trace_on() { systemctl is-active -q apache2; door_says 80 'HTTP/1.1 200*' 'GET / HTTP/1.0\r\n\r\n'; door_says 80 'HTTP/1.1 405*' 'TRACE / HTTP/1.0\r\n\r\n'; }

main "$@"
