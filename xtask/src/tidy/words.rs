//! Words that have one owner or one meaning, words that must not be left behind, and hosts and paths that are nobody's
//! business.

use std::net::Ipv4Addr;

use super::Breach;
use super::source::File;
use super::tokens::{find_word, line_of};

/// A word of Rust code that only some files may say.
struct Owner {
    word: &'static str,
    /// Beginnings of paths; `*` stands for one or more folders.
    owners: &'static [&'static str],
    remedy: &'static str,
}

const OWNERS: &[Owner] = &[
    Owner {
        word: "cudarc",
        owners: &["gpu-exec/src/device/cuda"],
        remedy: "`cudarc` is named only under gpu-exec/src/device/cuda*: use the types of crate::device",
    },
    Owner {
        word: "libloading",
        owners: &["gpu-exec/src/device/"],
        remedy: "libraries are loaded only in gpu-exec/src/device: ask the device",
    },
    Owner {
        word: "unsafe",
        owners: &[
            "gpu-exec/src/bench/launch.rs",
            "gpu-exec/src/device/",
            "gpu-exec/src/operators/launch.rs",
            "gpu-exec/src/scan/recode.rs",
            "gpu-exec/tests/",
        ],
        remedy: "hand-written `unsafe` lives only in gpu-exec/src/device and the launchers (OWNERS in xtask/src/tidy/words.rs): call a safe function of theirs",
    },
    Owner {
        word: "maar_gpu_exec",
        owners: &["engine/src/device/", "gpu-exec/", "tests/"],
        remedy: "the device half is seen through engine/src/device/mod.rs alone: add the name there, and take it from `device`",
    },
    Owner {
        word: "tonic",
        owners: &["flight-server/", "cluster/", "cli/src/remote/", "tests/", "cli/tests/", "benchmarks/"],
        remedy: "`tonic` belongs to flight-server, cluster and the shell's client (cli/src/remote)",
    },
    Owner {
        word: "arrow_flight",
        owners: &["flight-server/", "cluster/", "cli/src/remote/", "tests/", "cli/tests/", "benchmarks/"],
        remedy: "`arrow_flight` belongs to flight-server, cluster and the shell's client (cli/src/remote)",
    },
    Owner { word: "ballista", owners: &["cluster/", "tests/"], remedy: "only the cluster crate names Ballista" },
];

/// Marks of unfinished work; an issue is the place for it. Split so that this table is not a breach itself.
const UNFINISHED: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO")];
const UNFINISHED_CALLS: &[&str] = &["todo!", "unimplemented!"];

/// What one word may not stand for, and what it is called: generated code is source, a statement is SQL or a string, and
/// "text" is a type of columns.
const MISNAMED: &[(&str, &str)] = &[
    (concat!("device ", "text"), "device source"),
    (concat!("device_", "text"), "device_source"),
    (concat!("generated ", "text"), "generated source"),
    (concat!("kernel ", "text"), "kernel source"),
    (concat!("CUDA ", "text"), "CUDA source"),
    (concat!("C++ ", "text"), "C++ source"),
    (concat!("SQL ", "text"), "SQL"),
    (concat!("query ", "text"), "query, or SQL"),
    (concat!("statement's ", "text"), "statement, or SQL"),
];

/// Names that say nothing of what they name, where they stood, and what it is called.
const SAYS_NOTHING: &[(&str, &str, &str)] = &[
    ("gpu-exec/src/strategy/", "Open", "OpenPipeline"),
    ("gpu-exec/src/strategy/", "Cutter", "PipelineBuilder"),
    ("gpu-exec/src/strategy/", "Back", "ExtremeEncoding"),
    ("gpu-exec/src/strategy/", "Finish", "ResultExpr"),
];

/// Folders of one machine, which mean nothing on another.
const MACHINE_PATHS: &[&str] =
    &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/opt/", "wheels")];

/// The hosts that a page or a source may name.
const HOSTS: &[&str] = &[
    "apache.org",
    "crates.io",
    "docs.rs",
    "duckdb.org",
    "example.com",
    "github.com",
    "keepachangelog.com",
    "localhost",
    "127.0.0.1",
    "nvidia.com",
    "postgresql.org",
    "python.org",
    "rust-lang.org",
    "rustup.rs",
    "semver.org",
    "tpc.org",
    "w3.org",
    "wikipedia.org",
];

/// The only source of crates that the lock file may name.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check_owners(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for rule in OWNERS.iter().filter(|rule| !rule.owners.iter().any(|owner| file.path.starts_with(owner))) {
            let found = find_word(&file.code, rule.word);
            breaches.extend(found.into_iter().map(|at| Breach::new(&file.path, line_of(&file.code, at), rule.remedy)));
        }
    }
    breaches
}

pub(super) fn check_words(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        for word in UNFINISHED {
            for at in find_word(&file.text, word) {
                let remedy =
                    format!("`{word}` is left behind: finish it, or write an issue and say here what holds today");
                breaches.push(Breach::new(&file.path, line_of(&file.text, at), remedy));
            }
        }
        for word in UNFINISHED_CALLS {
            let found = find_word(&file.code, word);
            let remedy = || format!("`{word}` panics on a user: return an error that says what is not supported");
            breaches.extend(found.into_iter().map(|at| Breach::new(&file.path, line_of(&file.code, at), remedy())));
        }
        for word in MACHINE_PATHS {
            for (at, _) in file.text.match_indices(word) {
                let is_inside = file.text[..at].ends_with(|c: char| c.is_alphanumeric() || "_.-}".contains(c));
                if !is_inside {
                    let remedy = format!("`{word}` is a folder of one machine: use a path relative to the repository");
                    breaches.push(Breach::new(&file.path, line_of(&file.text, at), remedy));
                }
            }
        }
    }
    breaches
}

pub(super) fn check_names(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.path != "Cargo.lock" && !file.path.ends_with(".snap")) {
        for (phrase, instead) in MISNAMED {
            for (at, _) in file.text.match_indices(phrase) {
                let remedy = format!("`{phrase}` stands for several things: say {instead}");
                breaches.push(Breach::new(&file.path, line_of(&file.text, at), remedy));
            }
        }
        for (folder, name, instead) in SAYS_NOTHING.iter().filter(|(folder, ..)| file.path.starts_with(folder)) {
            let found = find_word(&file.code, name);
            let remedy = || format!("`{name}` says nothing: in {folder} it is {instead}");
            breaches.extend(found.into_iter().map(|at| Breach::new(&file.path, line_of(&file.code, at), remedy())));
        }
    }
    breaches
}

pub(super) fn check_hosts(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        if file.path == "Cargo.lock" {
            breaches.extend(check_lock(file));
            continue;
        }
        for (at, scheme) in file.text.match_indices("://") {
            let before = file.text[..at].trim_end_matches("s");
            if !before.ends_with("http") {
                continue;
            }
            let host = host(&file.text[at + scheme.len()..]);
            if is_strange(host) {
                let remedy =
                    format!("host `{host}` is not in HOSTS of xtask/src/tidy/words.rs: name the page, or add the host");
                breaches.push(Breach::new(&file.path, line_of(&file.text, at), remedy));
            }
        }
    }
    breaches
}

fn check_lock(file: &File) -> Vec<Breach> {
    let is_foreign = |line: &str| line.starts_with("source = ") && !line.contains(REGISTRY);
    let lines = file.text.lines().enumerate().filter(|(_, line)| is_foreign(line));
    lines.map(|(index, _)| Breach::new(&file.path, index + 1, format!("crates come from `{REGISTRY}` only"))).collect()
}

fn host(rest: &str) -> &str {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')).unwrap_or(rest.len());
    rest[..end].trim_end_matches('.')
}

/// An empty host is a placeholder (`http://{address}`), as is one without a dot (`http://host:port`). Addresses of private networks
/// are nobody's name.
fn is_strange(host: &str) -> bool {
    let is_known = HOSTS.iter().any(|known| host == *known || host.ends_with(&format!(".{known}")));
    let is_private = |address: Ipv4Addr| address.is_private() || address.is_link_local() || address.is_loopback();
    host.contains('.') && !is_known && !host.parse::<Ipv4Addr>().is_ok_and(is_private)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(breaches: &[Breach]) -> Vec<usize> {
        breaches.iter().map(|breach| breach.line).collect()
    }

    #[test]
    fn foreign_names_have_one_owner() {
        let text = "//! cudarc in a comment\nuse cudarc::driver;\n";
        assert_eq!(lines(&check_owners(&[File::new("engine/src/a.rs", text)])), [2]);
        assert!(check_owners(&[File::new("gpu-exec/src/device/cuda/a.rs", text)]).is_empty());
        assert!(check_owners(&[File::new("gpu-exec/src/device/cuda.rs", text)]).is_empty());
    }

    #[test]
    fn the_device_half_is_seen_through_one_door() {
        let text = "use maar_gpu_exec::scan::is_float;\n";
        assert_eq!(lines(&check_owners(&[File::new("engine/src/files/a.rs", text)])), [1]);
        assert!(check_owners(&[File::new("engine/src/device/mod.rs", text)]).is_empty());
    }

    #[test]
    fn unsafe_lives_in_the_device() {
        let text = "#![expect(unsafe_code)]\nfn f() { unsafe { g() } }\n";
        assert_eq!(lines(&check_owners(&[File::new("gpu-exec/src/scan/load.rs", text)])), [2]);
        assert!(check_owners(&[File::new("gpu-exec/src/device/emulated/a.rs", text)]).is_empty());
    }

    #[test]
    fn unfinished_work_is_named() {
        let mark = UNFINISHED[2];
        let text = format!("// {mark}: later\nfn f() {{ {}() }}\n", UNFINISHED_CALLS[0]);
        assert_eq!(lines(&check_words(&[File::new("a.rs", &text)])), [1, 2]);
        assert!(check_words(&[File::new("Cargo.toml", "todo = \"deny\"\n")]).is_empty());
    }

    #[test]
    fn a_word_stands_for_one_thing() {
        let text = format!("//! Reads {}s.\nfn f(column_text: &str) {{}}\n", MISNAMED[0].0);
        assert_eq!(lines(&check_names(&[File::new("engine/src/a.rs", &text)])), [1]);
        let names = "// Open addressing.\nstruct Open;\n";
        assert_eq!(lines(&check_names(&[File::new("gpu-exec/src/strategy/a.rs", names)])), [2]);
        assert!(check_names(&[File::new("engine/src/a.rs", names)]).is_empty());
    }

    #[test]
    fn machine_paths_are_named() {
        let text = format!("a{}b\n{}x\n", MACHINE_PATHS[2], MACHINE_PATHS[2]);
        assert_eq!(lines(&check_words(&[File::new("a.md", &text)])), [2]);
    }

    #[test]
    fn only_known_hosts() {
        let scheme = "https:";
        let text = format!(
            "{scheme}//docs.rs/x\n{scheme}//mirror.corp.internal/x\n{scheme}//www.apache.org.\nhttp://{{host}}\n"
        );
        assert_eq!(lines(&check_hosts(&[File::new("a.md", &text)])), [2]);
        let lock = File::new(
            "Cargo.lock",
            "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nsource = \"x\"\n",
        );
        assert_eq!(lines(&check_hosts(&[lock])), [2]);
    }
}
