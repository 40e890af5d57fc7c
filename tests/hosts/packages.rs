//! The packages of a release, made by the script that makes releases, and used as people use them: installed, set up,
//! upgraded, removed; checked by hand; run as a container.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::Instant,
};

use serde_json::{Value, json};

use super::{
    compare,
    host::{Host, checked, scripts},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The time of everything in the packages.
const EPOCH: &str = "1790000000";

/// The version after this one, made from the same programs.
fn next() -> String {
    let mut parts: Vec<u64> = VERSION.split('.').map(|part| part.parse().unwrap()).collect();
    parts[2] += 1;
    format!("{}.{}.{}", parts[0], parts[1], parts[2])
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// What a program of this machine prints; it must work.
fn tool(program: &str, args: &[&str], within: &Path) -> String {
    let output = Command::new(program).args(args).current_dir(within).output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn works(program: &str, args: &[&str], within: &Path) -> bool {
    Command::new(program).args(args).current_dir(within).output().unwrap().status.success()
}

/// A folder of the tests that begins empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The release script in this source, or in a copy of it.
fn release_script(source: &Path, out: &Path, key: Option<&Path>, version: &str) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_cleanbill")).parent().unwrap();
    let mut command = Command::new(source.join("packaging/release.sh"));
    command.args(["--fast", "--version", version, "--bin-dir"]).arg(programs).arg("--out").arg(out);
    if let Some(key) = key {
        command.arg("--key").arg(key);
    }
    if let Ok(library) = std::env::var("DUCKDB_LIB_DIR") {
        command.arg("--library").arg(Path::new(&library).join("libduckdb.so"));
    }
    command.env("SOURCE_DATE_EPOCH", EPOCH);
    command
}

fn source() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a release server serves: this version and the next one, signed with the key beside it.
fn dist() -> &'static Path {
    static DIST: OnceLock<PathBuf> = OnceLock::new();
    DIST.get_or_init(|| {
        let folder = folder("packages");
        let key = folder.join("key.pem");
        tool("openssl", &["genpkey", "-algorithm", "ed25519", "-out", "key.pem"], &folder);
        tool("openssl", &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"], &folder);
        let dist = folder.join("dist");
        for version in [VERSION, &next()] {
            let output = release_script(source(), &dist, Some(&key), version).output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
        }
        dist
    })
}

/// The file of a version whose name has this end.
fn package(version: &str, end: &str) -> PathBuf {
    let names = fs::read_dir(dist().join(version)).unwrap().flatten().map(|entry| entry.path());
    let found: Vec<PathBuf> = names.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    found[0].clone()
}

/// Runs a line in the host; it must work.
fn sh(host: &Host, line: &str) -> String {
    let (code, said) = host.run(&["/bin/bash", "-c", &format!("set -eu; {line}")]);
    assert_eq!(code, 0, "{line}\n{said}");
    said
}

/// All files of the host's own disk but what other programs note for themselves.
fn files(host: &Host) -> BTreeSet<String> {
    let list = sh(host, "find / -xdev -path /proc -prune -o -path /sys -prune -o -path /var/log -prune -o -print");
    list.lines().map(str::to_owned).collect()
}

fn install(host: &Host, version: &str) -> String {
    checked(&["push", &host.name, package(version, ".deb").to_str().unwrap(), "/root/new.deb"]);
    let said = sh(host, "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/new.deb 2>&1");
    assert!(!said.contains("conffile"), "nobody is asked anything: {said}");
    sh(host, "rm /root/new.deb");
    said
}

/// What systemd says of a unit.
fn unit(host: &Host, unit: &str, what: &str) -> String {
    sh(host, &format!("systemctl show -p {what} --value {unit}")).trim().to_owned()
}

/// The audits of the history.
fn audits(host: &Host) -> usize {
    let list = host.exec(&["/usr/bin/cleanbill", "audits", "--format", "json"]);
    let list: Value = serde_json::from_str(&list).unwrap_or_else(|e| panic!("{e}: {list}"));
    list.as_array().unwrap().len()
}

fn from_installation_to_purge(kind: &str, tree: &str) {
    let _ = dist();
    let host = Host::bare(kind, tree, None);
    let before = files(&host);

    let begun = Instant::now();
    install(&host, VERSION);
    let installed = Instant::now();
    let (code, first) = host.run(&["/usr/bin/cleanbill", "audit", "--format", "json"]);
    let seconds = installed.elapsed().as_secs_f64();
    let report: Value = serde_json::from_str(&first).unwrap_or_else(|e| panic!("{code}: {e}: {first}"));
    let problems = report["problems"].as_array().unwrap().len();
    assert!(problems > 0, "{first}");
    println!(
        "{tree}: installed in {:.1} s; {problems} problems and tips {seconds:.1} s later",
        (installed - begun).as_secs_f64()
    );

    // All is there, and nothing runs that nobody turned on.
    for program in ["cleanbill.service", "cleanbill-mail.service"] {
        assert_eq!(unit(&host, program, "LoadState"), "loaded", "{program}");
        assert_eq!(unit(&host, program, "ActiveState"), "inactive", "{program}");
    }
    assert_eq!(unit(&host, "cleanbill.service", "UnitFileState"), "disabled");
    assert_eq!(sh(&host, "cat /usr/share/cleanbill/installed-by").trim(), "deb");
    for file in [
        "/usr/share/man/man1/cleanbill.1.gz",
        "/usr/share/man/man1/cleanbill-daemon.1.gz",
        "/usr/share/bash-completion/completions/cleanbill",
        "/usr/share/zsh/vendor-completions/_cleanbill",
        "/usr/share/fish/vendor_completions.d/cleanbill.fish",
        "/usr/share/doc/cleanbill/copyright",
        "/usr/share/doc/cleanbill/THIRD-PARTY.txt.gz",
    ] {
        sh(&host, &format!("test -s {file}"));
    }
    sh(&host, "dpkg --verify cleanbill; systemd-analyze verify cleanbill.service cleanbill-job@any.service");
    sh(&host, "cleanbill config check");

    // Its service runs as it is, and with a job of the settings that a person wrote.
    sh(&host, "printf '\\n[machine]\\npurpose = \"the web shop\"\\n' >> /etc/cleanbill/cleanbill.toml");
    sh(&host, "cleanbill schedule add nightly 'every day 2:30' --audit; systemctl enable --now cleanbill");
    let first = unit(&host, "cleanbill.service", "MainPID");
    let (code, status) = host.run(&["/usr/bin/cleanbill", "status"]);
    assert!(code == 0 && status.contains("as a service"), "{code}: {status}");
    let kept = audits(&host);
    assert!(kept > 0);

    let asked = |what: &str| sh(&host, &format!("cat /etc/cleanbill/cleanbill.toml; {what}"));
    let settings = asked(":");
    install(&host, &next());
    assert_eq!(asked(":"), settings, "settings stay");
    assert_eq!(audits(&host), kept, "the history stays");
    assert_eq!(sh(&host, "dpkg-query -W -f '${Version}' cleanbill"), next());
    assert_eq!(unit(&host, "cleanbill.service", "ActiveState"), "active");
    assert_eq!(unit(&host, "cleanbill.service", "UnitFileState"), "enabled");
    assert_ne!(unit(&host, "cleanbill.service", "MainPID"), first, "the new program runs");

    // What is made to fit the settings comes before the package's own, and goes back to it.
    sh(&host, "cleanbill schedule install --yes");
    // Where /lib is a link to /usr/lib, either is said.
    let place =
        |path: &str| assert_eq!(unit(&host, "cleanbill.service", "FragmentPath").trim_start_matches("/usr"), path);
    place("/etc/systemd/system/cleanbill.service");
    let (code, status) = host.run(&["/usr/bin/cleanbill", "status"]);
    assert!(code == 0 && status.contains("as a service"), "{code}: {status}");
    sh(&host, "cleanbill schedule uninstall --yes");
    place("/lib/systemd/system/cleanbill.service");
    assert_eq!(unit(&host, "cleanbill.service", "ActiveState"), "inactive");
    assert_eq!(unit(&host, "cleanbill.service", "UnitFileState"), "disabled");

    // A removal takes what would start the program, and keeps settings and history.
    sh(&host, "cleanbill schedule install --yes");
    sh(&host, "DEBIAN_FRONTEND=noninteractive apt-get remove -y cleanbill");
    let left: Vec<String> =
        files(&host).difference(&before).filter(|path| path.contains("cleanbill")).cloned().collect();
    let ours = |path: &&String| {
        !["/etc/cleanbill", "/var/lib/cleanbill", "/var/lib/dpkg/info/cleanbill"]
            .iter()
            .any(|own| path.starts_with(own))
            && !path.starts_with("/var/lib/systemd/deb-systemd-helper-enabled/")
    };
    assert_eq!(left.iter().filter(ours).collect::<Vec<_>>(), Vec::<&String>::new());
    sh(&host, "test -s /var/lib/cleanbill/cleanbill.duckdb; ! pgrep -x 'cleanbill|cleanbill-daemon'");
    assert_eq!(asked(":"), settings);
    assert_eq!(unit(&host, "cleanbill.service", "LoadState"), "not-found");

    // Back again, it goes on where it was.
    install(&host, &next());
    assert_eq!((asked(":"), audits(&host)), (settings, kept));
    // So it does where a person turned the package's service on, until another way takes its place.
    sh(&host, "systemctl enable --now cleanbill; DEBIAN_FRONTEND=noninteractive apt-get remove -y cleanbill");
    install(&host, &next());
    assert_eq!(unit(&host, "cleanbill.service", "UnitFileState"), "enabled");
    sh(&host, "systemctl start cleanbill; cleanbill schedule install --systemd-timers --yes");
    assert_eq!(unit(&host, "cleanbill.service", "ActiveState"), "inactive");
    assert_eq!(unit(&host, "cleanbill.service", "UnitFileState"), "disabled");
    sh(
        &host,
        "systemctl start cleanbill-look@nightly.service; cleanbill schedule uninstall --yes; systemctl enable --now cleanbill",
    );
    let said = sh(&host, "cleanbill schedule uninstall --yes");
    assert!(said.contains("Turned off: the service of the package"), "{said}");
    assert_eq!(unit(&host, "cleanbill.service", "ActiveState"), "inactive");
    sh(&host, "cleanbill schedule install --systemd-timers --yes; systemctl enable --now cleanbill");
    // Even what someone changed by hand goes with a purge.
    sh(&host, "echo '# mine' >> /etc/systemd/system/cleanbill-mail.service");
    sh(&host, "DEBIAN_FRONTEND=noninteractive apt-get purge -y cleanbill");
    let left: Vec<String> =
        files(&host).difference(&before).filter(|path| path.contains("cleanbill")).cloned().collect();
    assert_eq!(left, Vec::<String>::new());
    let gone: Vec<String> = before
        .difference(&files(&host))
        .filter(|path| !path.starts_with("/tmp") && !path.starts_with("/run"))
        .cloned()
        .collect();
    assert!(gone.iter().all(|path| path.starts_with("/var/")), "nothing of others goes with it: {gone:?}");
    sh(&host, "! systemctl list-units --all --no-legend 'cleanbill*' | grep -v not-found | grep .");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn the_debian_package_from_installation_to_purge_on_bookworm() {
    from_installation_to_purge("deb", "full");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn the_debian_package_from_installation_to_purge_on_trixie() {
    from_installation_to_purge("trixie", "trixie");
}

#[test]
#[ignore = "needs the tools that make packages: make hosts"]
fn the_debian_package_keeps_the_rules_of_debian() {
    let deb = package(VERSION, ".deb");
    let mut args = vec!["--allow-root", "--fail-on", "error,warning"];
    if std::env::var("DUCKDB_LIB_DIR").is_ok() {
        // Where the tests have DuckDB's library; what ships has it inside.
        args.extend(["--suppress-tags", "custom-library-search-path"]);
    }
    args.push(deb.to_str().unwrap());
    let said = tool("lintian", &args, source());
    assert_eq!(said.trim(), "");
    let control = tool("dpkg-deb", &["-f", deb.to_str().unwrap()], source());
    assert!(control.contains("Depends: libc6 (>= 2."), "{control}");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn the_rpm_says_what_it_needs_installs_and_goes() {
    let (rpm, newer) = (package(VERSION, ".rpm"), package(&next(), ".rpm"));
    let about = tool("rpm", &["-qp", "--info", "--list", "--requires", "--scripts", rpm.to_str().unwrap()], source());
    for words in [
        "Name        : cleanbill",
        &format!("Version     : {VERSION}\n"),
        "License     : MIT OR Apache-2.0",
        "/usr/lib/systemd/system/cleanbill.service\n",
        "libc.so.6(GLIBC_2.",
        "schedule uninstall --yes",
    ] {
        assert!(about.contains(words), "{words}: {about}");
    }
    let config = tool("rpm", &["-qp", "--configfiles", rpm.to_str().unwrap()], source());
    assert_eq!(config.trim(), "/etc/cleanbill/cleanbill.toml");

    // Its files are those of the Debian package, but for where each of the two has its papers.
    let unpacked = folder("rpm");
    let pipe = format!("rpm2archive -n - < '{}' | tar -xf -", rpm.display());
    tool("bash", &["-o", "pipefail", "-c", &pipe], &unpacked);
    tool("dpkg-deb", &["-x", package(VERSION, ".deb").to_str().unwrap(), "deb"], &unpacked);
    for file in [
        "usr/bin/cleanbill",
        "usr/bin/cleanbill-daemon",
        "usr/share/man/man1/cleanbill.1.gz",
        "etc/cleanbill/cleanbill.toml",
    ] {
        assert!(fs::read(unpacked.join(file)).unwrap() == fs::read(unpacked.join("deb").join(file)).unwrap(), "{file}");
    }

    let host = Host::tree("rpm", "full", None);
    let root = host.root();
    let rpm_says = |args: &[&str]| {
        let all = [&["--root", root.as_str(), "--dbpath", "/var/lib/rpm"], args].concat();
        tool("rpm", &all, source())
    };
    // Debian's own packages are not in its books, so what is needed cannot be found there.
    let do_it = |args: &[&str]| rpm_says(&[&["--nodeps"], args].concat());
    let there = |path: &str| Path::new(&format!("{root}{path}")).exists();
    do_it(&["-i", rpm.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(format!("{root}/usr/share/cleanbill/installed-by")).unwrap(), "rpm\n");
    do_it(&["-V", "cleanbill"]);
    let settings = format!("{root}/etc/cleanbill/cleanbill.toml");
    fs::write(&settings, "[machine]\npurpose = 'the web shop'\n").unwrap();
    fs::create_dir_all(format!("{root}/var/lib/cleanbill")).unwrap();
    fs::write(format!("{root}/var/lib/cleanbill/cleanbill.duckdb"), "history").unwrap();
    do_it(&["-U", newer.to_str().unwrap()]);
    assert_eq!(rpm_says(&["-q", "--qf", "%{VERSION}", "cleanbill"]), next());
    assert!(fs::read_to_string(&settings).unwrap().contains("the web shop"));
    do_it(&["-e", "cleanbill"]);
    assert!(!there("/usr/bin/cleanbill") && !there("/usr/lib/systemd/system/cleanbill.service"));
    assert!(there("/var/lib/cleanbill/cleanbill.duckdb") && there("/etc/cleanbill/cleanbill.toml.rpmsave"));
}

/// What engines let a container do unless told otherwise.
const USUAL: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn the_image_looks_at_the_machine_around_it() {
    let archive = package(VERSION, ".oci.tar");
    let work = folder("image");
    let about = tool("skopeo", &["inspect", &format!("oci-archive:{}", archive.display())], &work);
    let about: Value = serde_json::from_str(&about).unwrap();
    assert_eq!(about["Labels"]["org.opencontainers.image.version"], VERSION);
    fs::create_dir(work.join("layout")).unwrap();
    tool("tar", &["-xf", archive.to_str().unwrap(), "-C", "layout"], &work);
    tool("umoci", &["unpack", "--image", &format!("layout:localhost/cleanbill:{VERSION}"), "bundle"], &work);

    // Nothing is in it that could be started but the program.
    let programs: BTreeSet<String> = fs::read_dir(work.join("bundle/rootfs/usr/bin"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(programs, ["cleanbill", "cleanbill-daemon"].map(str::to_owned).into());
    assert_eq!(fs::read_to_string(work.join("bundle/rootfs/usr/share/cleanbill/installed-by")).unwrap(), "image\n");

    let host = Host::tree("oci", "full", Some(scripts().join("break/broken.sh")));
    let file = work.join("bundle/config.json");
    let config: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(config["process"]["args"], json!(["/usr/bin/cleanbill", "audit", "--root", "/host"]));
    let run = |more: &[&str]| {
        let mut config = config.clone();
        config["process"]["terminal"] = json!(false);
        config["process"]["args"].as_array_mut().unwrap().extend(more.iter().map(|arg| json!(arg)));
        for kind in ["bounding", "effective", "permitted"] {
            config["process"]["capabilities"][kind] = json!(USUAL);
        }
        config["process"]["capabilities"]
            .as_object_mut()
            .unwrap()
            .retain(|kind, _| kind != "ambient" && kind != "inheritable");
        config["mounts"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "destination": "/host", "type": "bind", "source": host.root(), "options": ["rbind", "ro"] }));
        config["linux"].as_object_mut().unwrap().remove("resources");
        fs::write(&file, config.to_string()).unwrap();
        // On a machine that only has version 2 of cgroups, one of the two does without them; the other needs version 1.
        let name = format!("cb-{}-image", std::process::id());
        let mut command = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            let mut command = Command::new("crun");
            command.arg("--cgroup-manager=disabled");
            command
        } else {
            Command::new("runc")
        };
        command.args(["run", "--bundle"]).arg(work.join("bundle")).arg(name).output().unwrap()
    };
    let output = run(&[]);
    let text = said(&output);
    assert!(output.status.success() && text.contains(" FIRST  "), "{:?}: {text}", output.status);
    let output = run(&["--no-store", "--format", "json"]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    compare("image", &report);
}

#[test]
#[ignore = "needs the tools that make packages: make hosts"]
fn what_is_signed_can_be_checked_by_hand_and_nothing_else_passes() {
    let dist = dist();
    let folder = dist.join(VERSION);
    let key = dist.parent().unwrap().join("public.pem");
    let checks = |file: &str, signature: &str| {
        let args = [
            "pkeyutl",
            "-verify",
            "-pubin",
            "-rawin",
            "-inkey",
            key.to_str().unwrap(),
            "-sigfile",
            signature,
            "-in",
            file,
        ];
        works("openssl", &args, &folder)
    };
    tool("sha256sum", &["--check", "--strict", "SHA256SUMS"], &folder);
    let listed = fs::read_to_string(folder.join("SHA256SUMS")).unwrap().lines().count();
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(listed, files - 3, "all but the list itself and two signatures");
    assert!(checks("SHA256SUMS", "SHA256SUMS.sig") && checks("manifest.json", "manifest.json.sig"));
    assert!(!checks("manifest.json", "SHA256SUMS.sig"));

    let manifest: Value = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    let archive = package(VERSION, ".tar.gz");
    let name = archive.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        (&manifest["format"], &manifest["version"], &manifest["channel"]),
        (&json!(1), &json!(VERSION), &json!("stable"))
    );
    assert_eq!(
        (&manifest["released"], &manifest["expires"]),
        (&json!("2026-09-21T14:13:20Z"), &json!("2027-03-20T14:13:20Z"))
    );
    let entry = &manifest["archives"][0];
    assert_eq!(
        (entry["file"].as_str().unwrap(), entry["bytes"].as_u64().unwrap()),
        (name, fs::metadata(&archive).unwrap().len())
    );
    let sum = tool("sha256sum", &[name], &folder);
    assert_eq!(entry["sha256"].as_str().unwrap(), &sum[..64]);
    // The channel shows the newest.
    let channel: Value = serde_json::from_str(&fs::read_to_string(dist.join("stable.json")).unwrap()).unwrap();
    assert_eq!(channel["version"], json!(next()));

    // The signature in the archive is over its name too, and over every byte.
    let work = self::folder("signed");
    let pipe = format!("openssl pkey -pubin -in '{}' -outform DER | tail -c 32 > key.pub", key.display());
    tool("bash", &["-c", &pipe], &work);
    let tools = tool(source().join("packaging/tools.sh").to_str().unwrap(), &[], source());
    let zipsign = format!("{}/zipsign", tools.trim());
    let verifies = |file: &str| works(&zipsign, &["verify", "tar", file, "key.pub"], &work);
    fs::copy(&archive, work.join(name)).unwrap();
    assert!(verifies(name));
    tool("tar", &["-tzf", name], &work);
    fs::rename(work.join(name), work.join("other.tar.gz")).unwrap();
    assert!(!verifies("other.tar.gz"));
    let mut bytes = fs::read(&archive).unwrap();
    bytes[1000] ^= 1;
    fs::write(work.join(name), bytes).unwrap();
    assert!(!verifies(name));
}

/// Two folders with the same names and the same bytes.
fn same(one: &Path, other: &Path) {
    let names =
        |folder: &Path| tool("find", &[".", "-type", "f"], folder).lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(names(one), names(other));
    assert!(names(one).len() >= 9, "{:?}", names(one));
    for name in names(one) {
        assert!(fs::read(one.join(&name)).unwrap() == fs::read(other.join(&name)).unwrap(), "{name} differs");
    }
}

#[test]
#[ignore = "needs the tools that make packages: make hosts"]
fn packages_have_the_same_bytes_wherever_and_by_whomever_they_are_made() {
    let first = dist();
    let work = folder("made elsewhere");
    let copy = work.join("source");
    fs::create_dir(&copy).unwrap();
    let list =
        "cd \"$0\" && tar --exclude=./.git --exclude=./target -cf - . | tar -xf - -C \"$1\" && chmod -R go= \"$1\"";
    tool("bash", &["-c", list, source().to_str().unwrap(), copy.to_str().unwrap()], &work);
    let key = first.parent().unwrap().join("key.pem");
    let script = release_script(&copy, &work.join("dist"), Some(&key), VERSION);
    // Another folder, umask, time zone, language and home.
    let mut command = Command::new("bash");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(script.get_program()).args(script.get_args());
    command
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("TZ", "Pacific/Kiritimati")
        .env("LANG", "de_DE.UTF-8")
        .env("TMPDIR", &work);
    let output = command.current_dir("/").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    same(&first.join(VERSION), &work.join("dist").join(VERSION));
}

#[test]
#[ignore = "needs the tools that make packages: make hosts"]
fn without_a_key_nothing_is_signed_and_that_is_said() {
    let signed = dist();
    let out = folder("unsigned");
    let version = out.join(VERSION);
    fs::create_dir(&version).unwrap();
    // As after a build on two machines: what they made is put together, listed and signed in one place.
    for file in [package(VERSION, ".tar.gz"), package(VERSION, ".deb")] {
        fs::copy(&file, version.join(file.file_name().unwrap())).unwrap();
    }
    let archive = package(VERSION, ".tar.gz");
    let other =
        archive.file_name().unwrap().to_str().unwrap().replace("x86_64", "riscv64").replace("aarch64", "riscv64");
    fs::copy(&archive, version.join(other)).unwrap();
    let finish = |key: Option<&Path>| {
        let output =
            release_script(source(), &out, key, VERSION).args(["--finish", "--channel", "beta"]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    assert!(finish(None).contains("nothing is signed"));
    assert!(!version.join("manifest.json.sig").exists() && !out.join("beta.json.sig").exists());
    let manifest: Value = serde_json::from_str(&fs::read_to_string(out.join("beta.json")).unwrap()).unwrap();
    assert_eq!((manifest["archives"].as_array().unwrap().len(), &manifest["channel"]), (2, &json!("beta")));
    finish(Some(&signed.parent().unwrap().join("key.pem")));
    assert_eq!(fs::read(version.join("manifest.json.sig")).unwrap().len(), 64);
}

#[test]
#[ignore = "needs the tools that make packages: make hosts"]
fn the_list_of_parts_is_whole_and_valid() {
    let file = package(VERSION, ".cdx.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("file://") && !text.contains("/tmp"), "no places of this machine");
    let parts: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&parts["metadata"]["component"]["version"], &parts["serialNumber"]), (&json!(VERSION), &Value::Null));
    let listed: BTreeSet<String> = parts["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| format!("{} {}", part["name"].as_str().unwrap(), part["version"].as_str().unwrap()))
        .collect();
    let duckdb: Vec<&String> = listed.iter().filter(|name| name.starts_with("duckdb ")).collect();
    assert_eq!(duckdb.len(), 2, "the crate, and DuckDB itself: {duckdb:?}");
    // Every crate whose licence goes with the programs is in it.
    let papers = Command::new("tar")
        .arg("-xzOf")
        .arg(package(VERSION, ".tar.gz"))
        .args(["--wildcards", "*/THIRD-PARTY.txt"])
        .output()
        .unwrap();
    let papers = String::from_utf8_lossy(&papers.stdout).into_owned();
    let crates: Vec<&str> = papers.lines().skip(2).take_while(|line| !line.starts_with("DuckDB")).collect();
    assert!(crates.len() > 200, "{}", crates.len());
    for line in crates {
        let name: Vec<&str> = line.split(' ').take(2).collect();
        assert!(listed.contains(&name.join(" ")), "{line}");
    }
    // Others' view of it.
    let work = folder("parts");
    tool("python3", &["-m", "venv", "venv"], &work);
    tool(
        "venv/bin/pip",
        &["install", "--quiet", "--disable-pip-version-check", "cyclonedx-python-lib[json-validation]==11.12.0"],
        &work,
    );
    let judge = "import sys; from cyclonedx.validation.json import JsonStrictValidator as J; from cyclonedx.schema import SchemaVersion as V\n\
                 wrong = J(V.V1_5).validate_str(open(sys.argv[1]).read())\nsys.exit(str(wrong) if wrong else 0)";
    tool("venv/bin/python", &["-c", judge, file.to_str().unwrap()], &work);
}
