# After an upgrade a service that runs is started anew, with the new program.
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null 2>&1 || :
    if [ "$1" -ge 1 ]; then
        systemctl --system try-restart cleanbill.service >/dev/null 2>&1 || :
    fi
fi
