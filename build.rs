//! Compiles the catalogue and the templates into the binary, and tells the linker where DuckDB's library is.

#![allow(clippy::expect_used, reason = "a build script that cannot go on must stop the build")]

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let mut out = String::new();
    embed(&mut out, "CHECK_FILES", "checks", ".toml");
    embed(&mut out, "TEMPLATE_FILES", "report-templates", "");
    let dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&dir).join("embedded.rs"), out).expect("OUT_DIR is writable");

    // Releases are found by the platform they are for.
    println!("cargo:rustc-env=CLEANBILL_PLATFORM={}", env::var("TARGET").expect("cargo sets TARGET"));
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if let (None, Ok(dir)) = (env::var_os("CARGO_FEATURE_BUNDLED"), env::var("DUCKDB_LIB_DIR")) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{dir}");
    }
}

/// Writes a table of all files below `folder` as (path, content).
fn embed(out: &mut String, name: &str, folder: &str, ending: &str) {
    println!("cargo:rerun-if-changed={folder}");
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files);
    files.sort();
    // Checkouts may share a target directory, so where this one lies is left for the compiler to fill in.
    let _ = writeln!(out, "pub static {name}: &[(&str, &str)] = &[");
    for file in files.iter().filter(|f| f.ends_with(ending)) {
        let rooted = format!("/{file}");
        let _ = writeln!(out, "    ({file:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {rooted:?}))),");
    }
    let _ = writeln!(out, "];");
}

fn collect(folder: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
            collect(&path, files);
        } else if let Some(text) = path.to_str() {
            files.push(text.to_owned());
        }
    }
}
