# Before the program goes, and not at an upgrade, what would start it goes; settings and history stay.
if [ "$1" = 0 ]; then
    if grep -qs '/usr/bin/cleanbill ' /etc/systemd/system/cleanbill*.service /etc/cron.d/cleanbill; then
        /usr/bin/cleanbill schedule uninstall --yes </dev/null >/dev/null 2>&1 || :
    fi
    if [ -d /run/systemd/system ]; then
        systemctl --system disable --now cleanbill.service >/dev/null 2>&1 || :
    fi
fi
