#!/bin/bash
# Breaks the settings of a container service. No such service is in the trees: a stand-in holds its socket. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

works() { active docker; }

# shellcheck disable=SC2016
# A program and a unit of its name, enough to be seen.
stand_in() {
    printf '#!/bin/sh\ncase $1 in --validate) exit;; esac\nexec sleep infinity\n' > /usr/bin/dockerd; chmod 755 /usr/bin/dockerd
    printf '[Unit]\nDescription=stand-in\n[Service]\nExecStart=/usr/bin/dockerd\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/docker.service
    systemctl daemon-reload; systemctl start docker
    mkdir -p /etc/docker
}

break_docker_open_to_network() { stand_in; printf '{\n  "hosts": ["unix:///run/docker.sock", "tcp://0.0.0.0:2375"],\n  "log-level": "warn"\n}\n' > /etc/docker/daemon.json; }
works_docker_open_to_network() { works; grep -q log-level /etc/docker/daemon.json; }

break_docker_socket_open() {
    stand_in
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/docker.sock")' 2>/dev/null ||
        perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "/run/docker.sock", Listen => 1)'
    chmod 666 /run/docker.sock
}

break_docker_unsafe_registries() { stand_in; printf '{ "insecure-registries": ["r.example:5000"] }\n' > /etc/docker/daemon.json; }

main "$@"
