#!/bin/bash
# Opens backups of a host to all. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

works() { test -s /backup/all.sql.gz; }

break_backup_readable_by_all() { mkdir -p /backup; echo x > /backup/all.sql.gz; chmod 755 /backup; chmod 644 /backup/all.sql.gz; }

main "$@"
