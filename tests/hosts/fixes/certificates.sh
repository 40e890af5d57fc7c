#!/bin/bash
# Opens the key of a certificate to all. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

works() { nginx -t -q; systemctl restart nginx; }

break_certificate_key_readable() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 300 -subj /CN=host -keyout /etc/nginx/shop.key -out /etc/nginx/shop.pem 2>/dev/null
    printf 'server { listen 443 ssl; ssl_certificate /etc/nginx/shop.pem; ssl_certificate_key /etc/nginx/shop.key; }\n' > /etc/nginx/conf.d/shop.conf
    chmod 644 /etc/nginx/shop.key
}

main "$@"
