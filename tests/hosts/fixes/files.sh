#!/bin/bash
# Breaks the rights of files of a host, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

works() { visudo -c -q && getent passwd root >/dev/null && active ssh cron; }

break_everyone_may_plan_jobs() { person ann; echo '0 3 * * * true' | crontab -u ann -; rm -f /etc/cron.allow; }
works_everyone_may_plan_jobs() { works; su ann -c 'crontab -l' >/dev/null; }

break_file_everyone_can_change() { touch /etc/app.conf /opt/note; chmod 666 /etc/app.conf /opt/note; }

break_files_without_owner() {
    person ann
    mkdir -p /srv/old; touch /srv/old/x; chown -R 4711:4711 /srv/old
    touch /srv/half; chown root:4712 /srv/half
}
answers_files_without_owner() { echo ann; }

break_folder_everyone_can_empty() { mkdir -p /srv/share; chmod 777 /srv/share; }
works_folder_everyone_can_empty() { person ann; su ann -c 'touch /srv/share/x && rm /srv/share/x'; }

break_hidden_program_in_temporary_place() { mkdir -p /var/tmp/.cache; cp /bin/true /var/tmp/.cache/x; chmod 755 /var/tmp/.cache/x; }
answers_hidden_program_in_temporary_place() { echo /var/tmp/.cache/x; }

break_home_can_be_changed() { person ann; chmod 777 /home/ann; chmod 666 /home/ann/.bashrc; chmod 666 /root/.profile; }
works_home_can_be_changed() { su ann -c 'test -w ~/.bashrc && touch ~/x && rm ~/x'; su - -c true; }

break_home_can_be_read() { person ann; person bob; chmod 755 /home/ann /home/bob; }
works_home_can_be_read() { su ann -c 'touch ~/x && rm ~/x'; }

break_important_file_can_be_changed() { person ann; chmod 666 /etc/hosts; chown ann /etc/sudoers.d; chgrp users /etc/fstab; chmod 664 /etc/fstab; }

break_logs_can_be_changed() { logger start; chmod 777 /var/log; }
works_logs_can_be_changed() { works; logger "proof $$"; soon says "proof $$" journalctl -n 30; }

break_logs_can_be_read() { touch /var/log/auth.log; chmod 644 /var/log/auth.log /var/log/btmp; }
works_logs_can_be_read() { logger -p auth.info "proof $$"; soon grep -q "proof $$" /var/log/auth.log; }

break_new_files_open_to_all() { person ann; person bob; printf 'umask 022\n' > /etc/profile.d/open.sh; }
works_new_files_open_to_all() { says '^0077$' su - ann -c umask; }

break_passwords_in_open_settings() { printf 'db_password = geheim-4711\n' > /etc/shop.conf; chgrp www-data /etc/shop.conf; chmod 644 /etc/shop.conf; }
answers_passwords_in_open_settings() { echo keep; }
works_passwords_in_open_settings() { su -s /bin/sh www-data -c 'cat /etc/shop.conf' >/dev/null; }

break_planned_job_can_be_hijacked() {
    mkdir -p /opt/jobs; printf '#!/bin/sh\ntrue\n' > /opt/jobs/nightly; chmod 777 /opt/jobs /opt/jobs/nightly
    echo '0 3 * * * root /opt/jobs/nightly' > /etc/cron.d/nightly
}
works_planned_job_can_be_hijacked() { /opt/jobs/nightly; }

break_planned_job_never_runs() { printf '#!/bin/sh\ntrue\n' > /etc/cron.daily/save.sh; chmod 755 /etc/cron.daily/save.sh; }
answers_planned_job_never_runs() { echo /etc/cron.daily/save.sh; }
works_planned_job_never_runs() { says /save run-parts --test /etc/cron.daily; }

break_planned_jobs_can_be_added() { person ann; echo '0 4 * * * root true' > /etc/cron.d/own; chown ann /etc/cron.d/own; chmod 777 /etc/cron.hourly; }

break_planned_jobs_can_be_seen() { chmod 755 /etc/cron.d; chmod 644 /etc/crontab; }

break_private_key_can_be_read() { chmod 644 /etc/ssh/ssh_host_ed25519_key; }
works_private_key_can_be_read() { sshd -t; systemctl restart ssh; }

break_program_has_power_of_root() { cp /bin/true /usr/local/bin/strong; setcap cap_setuid+ep /usr/local/bin/strong; }
answers_program_has_power_of_root() { echo /usr/local/bin/strong; }
works_program_has_power_of_root() { /usr/local/bin/strong; }

break_password_list_can_be_read() { chmod 644 /etc/shadow; }

break_root_home_is_open() { chmod 755 /root; }

break_secrets_in_home_can_be_read() { person ann; chmod 755 /home/ann; echo 'h:1:d:u:p' > /home/ann/.pgpass; chown ann: /home/ann/.pgpass; chmod 644 /home/ann/.pgpass; }
works_secrets_in_home_can_be_read() { su ann -c 'cat ~/.pgpass' >/dev/null; }

break_sgid_program_of_unknown_origin() { cp /bin/true /usr/local/bin/game; chgrp games /usr/local/bin/game; chmod 2755 /usr/local/bin/game; }
answers_sgid_program_of_unknown_origin() { echo /usr/local/bin/game; }

break_start_settings_can_be_read() { as_vm; mkdir -p /boot/grub; echo 'set timeout=5' > /boot/grub/grub.cfg; chmod 644 /boot/grub/grub.cfg; }

break_suid_gives_full_power() { chmod u+s /usr/bin/find; cp /bin/bash /usr/local/bin/mine; chmod 4755 /usr/local/bin/mine; }
works_suid_gives_full_power() { sudo -n true; find /root -maxdepth 0 >/dev/null; }

break_suid_program_can_be_changed() { chmod 777 /usr/local/bin; cp /bin/true /usr/local/bin/lent; chmod 4777 /usr/local/bin/lent; }
works_suid_program_can_be_changed() { /usr/local/bin/lent; test -u /usr/local/bin/lent; }

break_suid_program_of_unknown_origin() { chmod 755 /usr/local/bin; cp /bin/true /usr/local/bin/odd; chmod 4755 /usr/local/bin/odd; }
answers_suid_program_of_unknown_origin() { find / -xdev -perm -4000 -path '/usr/local/*' -printf '%p\n'; }

break_typed_commands_can_be_read() { person ann; chmod 755 /home/ann; echo 'mysql -p1' > /home/ann/.bash_history; chown ann: /home/ann/.bash_history; chmod 644 /home/ann/.bash_history; }

main "$@"
