//! The configuration file: what it sets, what goes before it, and what it may not say.

use std::fs;
use std::path::Path;

use crate::{Ran, command, ran};

/// Runs `maar` with this configuration.
fn with(folder: &Path, config: &str, args: &[&str]) -> Ran {
    fs::create_dir_all(folder.join("maar")).unwrap();
    fs::write(folder.join("maar/config.toml"), config).unwrap();
    ran(command(args).env("XDG_CONFIG_HOME", folder).output().unwrap())
}

#[test]
fn it_sets_what_the_command_line_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = "device = \"cpu\"\nformat = \"csv\"\ntimer = true\n";
    let sql = "SHOW maar.device";
    let found = with(folder.path(), config, &["-c", sql]);
    assert_eq!((found.code, found.out.as_str()), (0, "name,value\nmaar.device,cpu\n"), "{}", found.err);
    assert!(found.err.starts_with("Time: "), "{}", found.err);
    let told = with(folder.path(), config, &["--format", "jsonl", "--device", "emulated", "-c", sql]);
    assert_eq!(told.out, "{\"name\":\"maar.device\",\"value\":\"emulated\"}\n", "{}", told.err);
}

#[test]
fn a_wrong_one_is_named_with_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let found = with(folder.path(), "timer = true\nfromat = \"csv\"\n", &["-c", "SELECT 1"]);
    let place = format!("'{}' line 2: there is no key 'fromat'", folder.path().join("maar/config.toml").display());
    assert_eq!((found.code, found.out.as_str()), (2, ""));
    assert!(found.err.contains(&place) && found.err.contains("did you mean format?"), "{}", found.err);
    let found = with(folder.path(), "[connections.a]\nport = 1\n", &["-c", "SELECT 1"]);
    assert!(found.err.contains("line 2: there is no key 'port'") && found.err.contains("address"), "{}", found.err);
}

#[test]
fn connections_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[connections.near]\naddress = \"grpc://127.0.0.1:1\"\n";
    let found = with(folder.path(), config, &["--connect", "near", "-c", "SELECT 1"]);
    assert!(found.code == 3 && found.err.contains("grpc://127.0.0.1:1"), "{}", found.err);
    let found = with(folder.path(), config, &["--connect", "naer", "-c", "SELECT 1"]);
    assert!(found.code == 2 && found.err.contains("no connection 'naer'"), "{}", found.err);
    let secret = "[connections.near]\naddress = \"grpc://ada:hunter2@127.0.0.1:1\"\n";
    let found = with(folder.path(), secret, &["--connect", "near", "-c", "SELECT 1"]);
    assert!(found.code == 2 && !found.err.contains("hunter2"), "{}", found.err);
}
