//! install.sh: what it takes, what it refuses, and that nothing is left of it.

use std::{collections::BTreeMap, process::Stdio};

use tar::EntryType;

use super::{
    release::{Content, OTHER, pem},
    server::Answer,
    *,
};
use crate::{
    support::{Said, snapshot},
    testing::can,
};

fn script_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/install.sh")
}

/// A folder to install to, with the key that is trusted beside it.
struct Prefix {
    dir: tempfile::TempDir,
}

impl Prefix {
    fn new() -> Self {
        let prefix = Prefix { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(prefix.path()).unwrap();
        fs::write(prefix.dir.path().join("key.pem"), pem(OTHER) + &pem(OURS)).unwrap();
        prefix
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("prefix")
    }

    fn has(&self) -> BTreeMap<String, String> {
        snapshot(&self.path(), false)
    }

    fn run(&self, server: &Server, args: &[&str]) -> Said {
        let mut command = self.command(args);
        command.args(["--url", &server.url, "--ca"]).arg(server.authority.file());
        command.output().unwrap().into()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.arg(script_path()).args(args).arg("--prefix").arg(self.path());
        command.arg("--key").arg(self.dir.path().join("key.pem")).stdin(Stdio::null());
        command
    }
}

#[test]
fn it_trusts_the_keys_of_the_program() {
    let text = fs::read_to_string(script_path()).unwrap();
    let mut found = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/update/keys")).unwrap() {
        let pem = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.contains(pem.trim()), "a key is missing:\n{pem}");
        found += 1;
    }
    assert_eq!(text.matches("BEGIN PUBLIC KEY").count(), found + 1, "each key once, and where they are told apart");
}

#[test]
fn it_installs_renews_and_goes_without_a_trace() {
    let (server, prefix) = (Server::start(), Prefix::new());
    fs::create_dir_all(prefix.path().join("share/man")).unwrap();
    fs::write(prefix.path().join("share/man/mine"), "mine").unwrap();
    let before = prefix.has();
    for version in ["0.2.0", "0.3.0"] {
        let (says, bytes) = good(version, &script(version, "exit 0"));
        let says = Says { expires: "2099-01-01T00:00:00Z".to_owned(), ..says };
        publish(&server, &says, &bytes);
        let said = prefix.run(&server, &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.starts_with(&format!("cleanbill {version} is installed in ")), "{}", said.out);
        let program = prefix.path().join("bin/cleanbill");
        let output = Command::new(&program).arg("--version").output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("cleanbill {version}\n"));
    }
    let list = fs::read_to_string(prefix.path().join("share/cleanbill/installed.list")).unwrap();
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), list.lines().count(), "each once");
    // An older one by its number; then self-update leaves a former one.
    assert_eq!(prefix.run(&server, &["--version", "v0.2.0"]).code, 0);
    fs::write(prefix.path().join("bin/.cleanbill.former"), "former").unwrap();
    let said = prefix.run(&server, &["--uninstall"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(prefix.has(), before, "folders that it made go too");
    let again = prefix.run(&server, &["--uninstall"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("installed.list is not there"), "{}", again.err);
}

#[test]
fn it_takes_nothing_that_is_not_signed() {
    let (server, prefix) = (Server::start(), Prefix::new());
    let before = prefix.has();
    let ran = prefix.dir.path().join("ran");
    let program = format!("#!/bin/sh\ntouch {}\necho cleanbill 0.2.0\n", ran.display());
    let (says, bytes) = good("0.2.0", &program);
    let says = Says { expires: "2099-01-01T00:00:00Z".to_owned(), ..says };
    let file = format!("0.2.0/{}", name("0.2.0", X86));
    let refused = |why: &str| {
        let said = prefix.run(&server, &[]);
        assert_eq!(said.code, 3, "{}", said.out);
        assert!(said.err.starts_with("Nothing was installed: ") && said.err.contains(why), "{}", said.err);
        assert_eq!(prefix.has(), before, "nothing is left behind");
        assert!(!ran.exists(), "nothing of it ran");
    };
    let announce = |says: &Says, bytes: &[u8]| publish(&server, says, bytes);
    let text = says.text();
    let unsigned = "was not signed by us, or it was changed on the way";
    announce(&says, &bytes);
    for wrong in [signature(42, text.as_bytes()), vec![0; 64], Vec::new()] {
        server.gives("stable.json.sig", wrong);
        refused(unsigned);
    }
    announce(&says, &bytes);
    server.gives("stable.json", text.replace("0.2.0", "0.2.1"));
    refused(unsigned);
    announce(&Says { expires: "2026-11-01T00:00:00Z".to_owned(), ..says.clone() }, &bytes);
    refused("but that held only until 2026-11-01T00:00:00Z");
    announce(&Says { channel: "beta".to_owned(), ..says.clone() }, &bytes);
    refused("answered with another");
    announce(&Says { target: "riscv64gc-unknown-linux-gnu".to_owned(), ..says.clone() }, &bytes);
    refused("does not come for this kind of machine");
    // The archive: changed, cut off, endless, elsewhere.
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    announce(&says, &flipped);
    refused("is not the archive that was announced");
    announce(&says, &bytes[..bytes.len() - 1]);
    refused("is not as long as it should be");
    for (answer, why) in [
        (Answer::Endless, "is larger than it may be"),
        (Answer::Cut(bytes.clone(), 100), "could not be fetched"),
        (Answer::Status(404), "could not be fetched"),
    ] {
        announce(&says, &bytes);
        server.says(&file, answer);
        refused(why);
    }
    announce(&says, &bytes);
    server.says(&file, Answer::Redirect(format!("http://localhost:{}/{file}", server.port())));
    refused("could not be fetched");
    // Signed, and yet odd.
    let top = format!("cleanbill-0.2.0-{X86}");
    let plain = || Content::new("0.2.0", X86).file("bin/cleanbill", program.as_bytes());
    for odd in [
        plain().odd(&format!("{top}/../../evil"), EntryType::Regular, "", b"x"),
        plain().odd("/tmp/evil", EntryType::Regular, "", b"x"),
        plain().odd("other", EntryType::Regular, "", b"x"),
        plain().odd(&format!("{top}/link"), EntryType::Symlink, "/etc", b""),
        plain().odd(&format!("{top}/pipe"), EntryType::Fifo, "", b""),
    ] {
        let bytes = odd.done();
        announce(&Says { expires: says.expires.clone(), ..Says::of("0.2.0", &bytes) }, &bytes);
        refused("holds what no release does");
    }
    let stranger = Server::start();
    publish(&stranger, &says, &bytes);
    let mut command = prefix.command(&["--url", &stranger.url]);
    let said: Said = command.arg("--ca").arg(server.authority.file()).output().unwrap().into();
    assert!(said.code == 3 && said.err.contains("could not be fetched"), "{}", said.err);
}

#[test]
fn without_curl_it_asks_wget() {
    if !can(Path::new("/usr/bin/wget").exists(), "wget is missing") {
        return;
    }
    let (server, prefix) = (Server::start(), Prefix::new());
    let (says, bytes) = good("0.2.0", &script("0.2.0", "exit 0"));
    let says = Says { expires: "2099-01-01T00:00:00Z".to_owned(), ..says };
    publish(&server, &says, &bytes);
    // All programs of this machine but that one.
    let tools = prefix.dir.path().join("tools");
    fs::create_dir(&tools).unwrap();
    for folder in ["/usr/bin", "/bin"] {
        for program in fs::read_dir(folder).unwrap().flatten().filter(|p| p.file_name() != "curl") {
            let _ = std::os::unix::fs::symlink(program.path(), tools.join(program.file_name()));
        }
    }
    let with_wget = |server: &Server| -> Said {
        let mut command = prefix.command(&["--url", &server.url]);
        command.arg("--ca").arg(server.authority.file()).env("PATH", &tools).output().unwrap().into()
    };
    let file = format!("0.2.0/{}", name("0.2.0", X86));
    for (answer, why) in [
        (Answer::Status(404), "could not be fetched"),
        (Answer::Endless, "is larger than it may be"),
        // wget does not follow it, and says no word of that.
        (Answer::Redirect(format!("http://localhost:{}/{file}", server.port())), "is not as long as it should be"),
    ] {
        server.says(&file, answer);
        let said = with_wget(&server);
        assert!(said.code == 3 && said.err.contains(why), "{}", said.err);
    }
    server.gives(&file, bytes);
    let said = with_wget(&server);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn what_does_not_run_here_is_not_installed() {
    let (server, prefix) = (Server::start(), Prefix::new());
    for (program, why) in [
        (
            "#!/bin/sh\necho 'libc.so.6: version GLIBC_2.99 not found' >&2; exit 1\n",
            "it does not run on this machine: libc",
        ),
        ("#!/bin/sh\necho cleanbill 0.1.9\n", "it should be cleanbill 0.2.0, and says that it is cleanbill 0.1.9"),
    ] {
        let (says, bytes) = good("0.2.0", program);
        publish(&server, &Says { expires: "2099-01-01T00:00:00Z".to_owned(), ..says }, &bytes);
        let said = prefix.run(&server, &[]);
        assert!(said.code == 3 && said.err.contains(why), "{}", said.err);
        assert!(!prefix.path().join("bin/cleanbill").exists());
    }
}

#[test]
fn mistakes_are_told_and_a_script_that_was_cut_off_does_nothing() {
    let (server, prefix) = (Server::start(), Prefix::new());
    for (args, why) in [
        (&["--frobnicate"][..], "--frobnicate is not known"),
        (&["--version", "../../etc"], "../../etc is no version"),
        (&["--channel", "nightly"], "there is no channel nightly"),
    ] {
        let said = prefix.run(&server, args);
        assert!(said.code == 2 && said.err.contains(why), "{}", said.err);
    }
    let plain: Said = prefix.command(&["--url", "http://localhost:1"]).output().unwrap().into();
    assert!(plain.code == 2 && plain.err.contains("no address that begins with https://"), "{}", plain.err);
    // One that could be installed, so that a script that runs would do it.
    let (says, bytes) = good("0.2.0", &script("0.2.0", "exit 0"));
    publish(&server, &Says { expires: "2099-01-01T00:00:00Z".to_owned(), ..says }, &bytes);
    let text = fs::read_to_string(script_path()).unwrap();
    let half = prefix.dir.path().join("half.sh");
    for part in 1..=20 {
        let mut at = text.len() * part / 20;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        fs::write(&half, &text[..at]).unwrap();
        let mut command = Command::new("sh");
        command.arg(&half).arg("--prefix").arg(prefix.path()).arg("--key").arg(prefix.dir.path().join("key.pem"));
        command.args(["--url", &server.url, "--ca"]).arg(server.authority.file()).output().unwrap();
        assert_eq!(prefix.has().is_empty(), part < 20, "{part}/20 of it");
    }
}
