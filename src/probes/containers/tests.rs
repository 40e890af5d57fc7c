use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;
use crate::probes::{run_one, tests::tree};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const CONFIG: &str = r#"{"State":{"Running":true},"ID":"x","Created":"2025-11-02T10:00:00.5Z","Image":"sha256:aa11","Name":"/web",
 "Config":{"User":"","Image":"nginx:latest","Env":["PASSWORD=hunter2"]},
 "MountPoints":{"/var/run/docker.sock":{"Source":"/var/run/docker.sock","Destination":"/var/run/docker.sock","RW":false}}}"#;
const HOST_CONFIG: &str = r#"{"NetworkMode":"bridge","Privileged":true,"PidMode":"","CapAdd":["SYS_ADMIN"],"Memory":0,
 "PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},"RestartPolicy":{"Name":"always"},"LogConfig":{"Type":"json-file","Config":{}}}"#;

#[test]
fn a_docker_container_is_described_without_its_environment() {
    let base = format!("/var/lib/docker/containers/{ID}");
    let dir = tree(&[
        ("/usr/sbin/dockerd", ""),
        (&format!("{base}/config.v2.json"), CONFIG),
        (&format!("{base}/hostconfig.json"), HOST_CONFIG),
        (&format!("{base}/{ID}-json.log"), "12345"),
        ("/var/lib/docker/image/overlay2/imagedb/content/sha256/aa11", r#"{"created":"2023-01-01T00:00:00Z"}"#),
        ("/var/lib/docker/containers/broken/config.v2.json", "{"),
    ]);
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    let rows = facts.rows("containers");
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((&row["name"], &row["image"], &row["running"]), (&"web".into(), &"nginx:latest".into(), &true.into()));
    assert_eq!((&row["dangerous_mount"], &row["reach"]), (&"/var/run/docker.sock".into(), &"any".into()));
    assert_eq!((&row["ports"], &row["log_size"]), (&"0.0.0.0:8080>80/tcp".into(), &5.into()));
    assert_eq!(row["image_created"], "2023-01-01T00:00:00Z");
    assert_eq!(row["log_limited"], false);
    assert!(!format!("{rows:?}").contains("hunter2"));
    assert_eq!(facts.gaps().len(), 1, "the broken one is told");
}

#[test]
fn commands_over_the_network_are_seen_in_settings_units_and_options() {
    let engine = |files: &[(&str, &str)]| {
        let dir = tree(&[files, &[("/usr/sbin/dockerd", "")]].concat());
        run_one(&PROBE, &Host::image(dir.path()).unwrap()).rows("container_engines").remove(0)
    };
    let row = engine(&[(
        "/etc/docker/daemon.json",
        r#"{"hosts":["unix:///run/docker.sock","tcp://0.0.0.0:2375"],"insecure-registries":["r:5000"]}"#,
    )]);
    assert_eq!((&row["reach"], &row["asks_certificate"]), (&"any".into(), &false.into()));
    assert_eq!((&row["network"], &row["insecure_registries"]), (&"0.0.0.0:2375".into(), &"r:5000".into()));
    let row = engine(&[
        ("/usr/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n"),
        ("/etc/default/docker", "DOCKER_OPTS=\"-H tcp://127.0.0.1:2375 --tlsverify\"\n"),
    ]);
    assert_eq!((&row["reach"], &row["asks_certificate"]), (&"loopback".into(), &true.into()));
    assert_eq!(row["source"], "/etc/default/docker");
    let row = engine(&[
        ("/usr/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/sbin/dockerd -H fd://\n"),
        (
            "/etc/systemd/system/docker.service.d/x.conf",
            "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd \\\n  --host=tcp://:2375\n",
        ),
    ]);
    assert_eq!(row["reach"], "loopback");
}

#[test]
fn a_socket_everyone_may_write_is_open() {
    let dir = tree(&[("/usr/sbin/dockerd", ""), ("/run/docker.sock", "")]);
    let row = |mode: u32| {
        fs::set_permissions(dir.path().join("run/docker.sock"), fs::Permissions::from_mode(mode)).unwrap();
        run_one(&PROBE, &Host::image(dir.path()).unwrap()).rows("container_engines").remove(0)
    };
    assert_eq!(row(0o660)["open_to_everyone"], false);
    assert_eq!(row(0o666)["open_to_everyone"], true);
}

#[test]
fn a_podman_container_is_described_from_its_runtime_file() {
    let dir = tree(&[
        ("/usr/bin/podman", ""),
        (
            "/var/lib/containers/storage/overlay-containers/containers.json",
            r#"[{"id":"abcdef0123456789","names":["db"],"created":"2025-01-01T00:00:00Z","metadata":"{\"image-name\":\"docker.io/library/postgres:15\"}"}]"#,
        ),
        (
            "/var/lib/containers/storage/overlay-containers/abcdef0123456789/userdata/config.json",
            r#"{"process":{"user":{"uid":999}},"mounts":[{"destination":"/h","source":"/","options":["rbind","rw"]}],"linux":{"namespaces":[{"type":"pid"}]},"annotations":{"io.podman.annotations.privileged":"TRUE"}}"#,
        ),
    ]);
    let row = run_one(&PROBE, &Host::image(dir.path()).unwrap()).rows("containers").remove(0);
    assert_eq!((&row["name"], &row["account"], &row["dangerous_mount"]), (&"db".into(), &"999".into(), &"/".into()));
    assert_eq!(
        (&row["privileged"], &row["host_network"], &row["host_processes"]),
        (&true.into(), &true.into(), &false.into())
    );
}

#[test]
fn a_machine_without_containers_is_not_asked_about_them() {
    let dir = tree(&[]);
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    assert!(matches!(facts.state("containers"), crate::facts::State::Absent(_)));
}
