//! Inside `gpu-exec` each room imports only those below it.
//!
//! Reads every `crate::ROOM` of the code, in `use` or in place, and every `super::` that climbs out of a room. Tests
//! may import any room.

use super::Breach;
use super::source::File;
use super::tokens::{find_word, is_word, line_of};

const SOURCE: &str = "gpu-exec/src/";
const TABLE: &str = "ROOMS in xtask/src/tidy/rooms.rs";

/// What a room may import.
struct Room {
    name: &'static str,
    imports: &'static [Edge],
}

enum Edge {
    /// Everything the room exports.
    To(&'static str),
    /// These names only.
    Only(&'static str, &'static [&'static str]),
}

use Edge::{Only, To};

/// From the top of the house to its foundation: an edge goes down.
const ROOMS: &[Room] = &[
    Room {
        name: "exec",
        imports: &[To("planner"), To("operators"), To("strategy"), To("scan"), To("ir"), To("column"), To("device")],
    },
    // Measures the device as the engine's kernels use it; nothing imports it.
    Room { name: "bench", imports: &[To("kernels"), To("device")] },
    // Makes nodes through a trait of its own, which `exec` implements.
    Room { name: "planner", imports: &[To("ir")] },
    Room {
        name: "operators",
        imports: &[To("strategy"), To("codegen"), To("ir"), To("kernels"), To("column"), To("device")],
    },
    // Shapes and what is known of values, no data: what is planned holds wherever the rows lie, and before they are there.
    Room { name: "strategy", imports: &[To("codegen"), To("ir"), Only("column", SHAPES)] },
    Room { name: "scan", imports: &[To("column"), To("device"), To("ir")] },
    // How a kernel synchronises is said in its text and checked by the device, and the device says how large blocks are.
    Room { name: "codegen", imports: &[To("ir"), Only("device", &["BLOCK_THREADS", "SyncMode"])] },
    Room { name: "column", imports: &[To("device"), To("ir")] },
    Room { name: "ir", imports: &[] },
    // The header is data of the device: it compiles it before every text. Its self-test sorts.
    Room { name: "device", imports: &[Only("kernels", &["header", "located", "SHIM", "SORT", "WINDOW"])] },
    Room { name: "kernels", imports: &[] },
];

/// What says how columns are stored and what is known of them, without their data or where those lie.
const SHAPES: &[&str] = &["ColumnMeta", "Dictionary", "RowBound", "Stored", "TableShape"];

/// Small files beside the rooms that every room may use, with what they may use themselves.
const LEAVES: &[(&str, &[&str])] = &[
    ("error", &["device", "scan"]),
    ("options", &[]),
    ("panics", &[]),
    // Passed down from whoever runs a query to whoever works for it.
    ("trace", &[]),
    // Reads what the nodes of an executed plan counted.
    ("report", &["device", "operators", "scan"]),
];

pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let own: Vec<&File> = files.iter().filter(|file| file.is_rust() && file.path.starts_with(SOURCE)).collect();
    let breaches = own.iter().flat_map(|file| check_file(file));
    breaches.chain(unused_edges(&own)).collect()
}

/// Edges of the table, and names of an edge, that no code needs: a door that stands open for nobody.
fn unused_edges(files: &[&File]) -> Vec<Breach> {
    // From where, to where, and the name where the edge is for some names only.
    let mut unused: Vec<(&str, &str, &str)> = Vec::new();
    for room in ROOMS {
        for edge in room.imports {
            match edge {
                To(to) => unused.push((room.name, to, "")),
                Only(to, items) => unused.extend(items.iter().map(|item| (room.name, *to, *item))),
            }
        }
    }
    for (leaf, uses) in LEAVES {
        unused.extend(uses.iter().map(|used| (*leaf, *used, "")));
    }
    for file in files {
        let module = module_path(&file.path);
        let Some(room) = module.first() else { continue };
        let code = file.code_without_tests();
        let taken: Vec<Import> =
            imports(&code, module.len()).into_iter().flat_map(|import| used_items(&code, import)).collect();
        let is_taken = |to: &str, item: &str| {
            taken.iter().any(|import| import.room == to && (item.is_empty() || import.item == item))
        };
        unused.retain(|(from, to, item)| from != room || !is_taken(to, item));
    }
    let breach = |(from, to, item): (&str, &str, &str)| {
        let what = if item.is_empty() { format!("`{to}`") } else { format!("`{to}` the name `{item}`") };
        Breach::new(
            "xtask/src/tidy/rooms.rs",
            0,
            format!("no code of `{from}` imports from {what}: take it out of ROOMS or LEAVES"),
        )
    };
    unused.into_iter().map(breach).collect()
}

fn check_file(file: &File) -> Vec<Breach> {
    let module = module_path(&file.path);
    let Some(room) = module.first() else { return Vec::new() };
    if !is_known(room) {
        let remedy = format!("`{room}` is no room of gpu-exec: put the file into one, or add it to {TABLE}");
        return vec![Breach::new(&file.path, 0, remedy)];
    }
    let code = file.code_without_tests();
    imports(&code, module.len())
        .into_iter()
        .flat_map(|import| used_items(&code, import))
        .filter(|import| import.room != *room && is_known(&import.room) && !may_import(room, import))
        .map(|import| Breach::new(&file.path, line_of(&code, import.at), remedy(room, &import)))
        .collect()
}

/// A room imported whole (`use crate::kernels;`) stands for the items that the file takes through it.
fn used_items(code: &str, import: Import) -> Vec<Import> {
    if !import.item.is_empty() {
        return vec![import];
    }
    let path = format!("{}::", import.room);
    let places = find_word(code, &path).into_iter().filter(|at| !code[..*at].ends_with("::"));
    let item = |at: usize| Import { at: import.at, room: import.room.clone(), item: word(code, at + path.len()) };
    let items: Vec<Import> = places.map(item).collect();
    if items.is_empty() { vec![import] } else { items }
}

fn remedy(room: &str, import: &Import) -> String {
    let allowed: Vec<&str> = match ROOMS.iter().find(|known| known.name == room) {
        Some(found) => found.imports.iter().map(|edge| edge.target()).collect(),
        None => LEAVES.iter().filter(|(name, _)| *name == room).flat_map(|(_, uses)| uses.iter().copied()).collect(),
    };
    let may = if allowed.is_empty() { "nothing but the leaves".to_owned() } else { allowed.join(", ") };
    format!(
        "`{room}` imports from `{}` (`{}`), but may see only: {may}. Move the item down, or pass it in ({TABLE})",
        import.room, import.item
    )
}

fn is_known(name: &str) -> bool {
    ROOMS.iter().any(|room| room.name == name) || LEAVES.iter().any(|(leaf, _)| *leaf == name)
}

fn may_import(room: &str, import: &Import) -> bool {
    if let Some((_, uses)) = LEAVES.iter().find(|(leaf, _)| *leaf == room) {
        return uses.contains(&import.room.as_str());
    }
    if LEAVES.iter().any(|(leaf, _)| *leaf == import.room) {
        return true;
    }
    let edges = ROOMS.iter().filter(|known| known.name == room).flat_map(|known| known.imports);
    edges.into_iter().any(|edge| edge.allows(import))
}

impl Edge {
    fn target(&self) -> &'static str {
        match self {
            To(name) | Only(name, _) => name,
        }
    }

    fn allows(&self, import: &Import) -> bool {
        match self {
            To(name) => *name == import.room,
            Only(name, items) => *name == import.room && items.contains(&import.item.as_str()),
        }
    }
}

/// One name that code takes from a room.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    at: usize,
    room: String,
    /// What follows the room's name; empty where the room itself is imported.
    item: String,
}

/// `device/cuda/driver.rs` is `["device", "cuda", "driver"]`; `lib.rs` is the root, `[]`.
fn module_path(path: &str) -> Vec<String> {
    let inside = path.trim_start_matches(SOURCE).trim_end_matches(".rs");
    let parts = inside.split('/').filter(|part| !matches!(*part, "mod" | "lib"));
    parts.map(str::to_owned).collect()
}

/// Every path that begins at the crate's root, in a module `depth` below it.
fn imports(code: &str, depth: usize) -> Vec<Import> {
    let mut found = Vec::new();
    for at in find_word(code, "crate::") {
        read_tree(code, at + "crate::".len(), &mut found);
    }
    let climb = "super::".repeat(depth);
    for at in find_word(code, &climb) {
        let rest = &code[at + climb.len()..];
        let is_whole_climb = !code[..at].ends_with("super::") && !rest.starts_with("super::");
        // A group may climb further inside; a name is taken from the root.
        if is_whole_climb && !rest.starts_with('*') {
            read_tree(code, at + climb.len(), &mut found);
        }
    }
    found
}

/// Reads `room::item` or `{room::item, room::{a, b}}` at `at`.
fn read_tree(code: &str, at: usize, found: &mut Vec<Import>) {
    if let Some(inner) = group(code, at) {
        for start in inner {
            read_tree(code, start, found);
        }
        return;
    }
    let room = word(code, at);
    if room.is_empty() {
        return;
    }
    let behind = at + room.len();
    if !code[behind..].starts_with("::") {
        found.push(Import { at, room, item: String::new() });
        return;
    }
    let items = match group(code, behind + 2) {
        Some(starts) => starts,
        None => vec![behind + 2],
    };
    for start in items {
        found.push(Import { at, room: room.clone(), item: word(code, start) });
    }
}

fn word(code: &str, at: usize) -> String {
    code.as_bytes()[at..].iter().take_while(|byte| is_word(**byte)).map(|byte| char::from(*byte)).collect()
}

/// Where each member of the `{...}` at `at` begins; `None` where no group begins.
fn group(code: &str, at: usize) -> Option<Vec<usize>> {
    let bytes = code.as_bytes();
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut starts = Vec::new();
    let mut depth = 0_usize;
    let mut wants_member = false;
    for (index, byte) in bytes.iter().enumerate().skip(at) {
        match byte {
            b'{' => {
                if depth == 1 && wants_member {
                    starts.push(index);
                }
                depth += 1;
                wants_member = depth == 1;
            }
            b'}' => depth -= 1,
            b',' if depth == 1 => wants_member = true,
            byte if wants_member && is_word(*byte) => {
                starts.push(index);
                wants_member = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    Some(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<Breach> {
        check_file(&File::new(path, text))
    }

    #[test]
    fn an_edge_that_no_code_uses_is_taken_out() {
        let file = File::new("gpu-exec/src/bench/mod.rs", "use crate::{device::X, kernels};\n");
        let unused = unused_edges(&[&file]);
        assert!(!unused.iter().any(|breach| breach.remedy.contains("`bench`")), "{unused:?}");
        assert!(unused.iter().any(|breach| breach.remedy.contains("`scan` imports from `column`")), "{unused:?}");
    }

    #[test]
    fn a_name_that_no_code_takes_is_taken_out_of_its_edge() {
        let file = File::new("gpu-exec/src/codegen/mod.rs", "use crate::device::SyncMode;\n");
        let unused: Vec<String> = unused_edges(&[&file]).into_iter().map(|breach| breach.remedy).collect();
        let has = |name: &str| unused.iter().any(|remedy| remedy.contains("`codegen`") && remedy.contains(name));
        assert!(has("BLOCK_THREADS") && !has("SyncMode"), "{unused:?}");
    }

    #[test]
    fn every_edge_goes_down() {
        for (height, room) in ROOMS.iter().enumerate() {
            let below = |edge: &Edge| ROOMS[height + 1..].iter().any(|lower| lower.name == edge.target());
            assert!(room.imports.iter().all(below), "{}", room.name);
        }
    }

    #[test]
    fn down_is_fine_and_up_is_not() {
        assert!(breaches("gpu-exec/src/scan/load.rs", "use crate::column::DeviceColumn;\n").is_empty());
        assert_eq!(breaches("gpu-exec/src/column/mod.rs", "\nuse crate::scan::Store;\n")[0].line, 2);
        assert_eq!(breaches("gpu-exec/src/codegen/expr.rs", "fn f() { crate::device::open(); }\n").len(), 1);
    }

    #[test]
    fn groups_are_read() {
        let text = "use crate::{\n    column::{A, B},\n    planner,\n    strategy::{self, C},\n};\n";
        let found = breaches("gpu-exec/src/scan/mod.rs", text);
        let lines: Vec<usize> = found.iter().map(|breach| breach.line).collect();
        assert_eq!(lines, [3, 4, 4], "{found:?}");
    }

    #[test]
    fn super_that_climbs_out_is_seen() {
        assert_eq!(breaches("gpu-exec/src/ir/mod.rs", "use super::device::X;\n").len(), 1);
        assert_eq!(breaches("gpu-exec/src/ir/expr.rs", "use super::super::device::X;\n").len(), 1);
        assert!(breaches("gpu-exec/src/ir/expr.rs", "use super::types::X;\n").is_empty());
    }

    #[test]
    fn the_device_sees_the_header_only() {
        assert!(breaches("gpu-exec/src/device/cache.rs", "use crate::kernels::header;\n").is_empty());
        assert_eq!(breaches("gpu-exec/src/device/cache.rs", "use crate::kernels::{header, sort};\n").len(), 1);
        let whole = |item: &str| format!("use crate::kernels;\nfn f() {{ kernels::{item}() }}\n");
        assert!(breaches("gpu-exec/src/device/cache.rs", &whole("header")).is_empty());
        assert_eq!(breaches("gpu-exec/src/device/cache.rs", &whole("sort")).len(), 1);
    }

    #[test]
    fn strategy_and_codegen_see_shapes_and_no_data() {
        let seen = |room: &str, item: &str| {
            breaches(&format!("gpu-exec/src/{room}/cut.rs"), &format!("use crate::column::{item};\n")).is_empty()
        };
        assert!(seen("strategy", "TableShape") && seen("strategy", "{ColumnMeta, Stored}"));
        for data in ["DeviceTable", "{TableShape, Segment}", "DeviceColumn", "*"] {
            assert!(!seen("strategy", data) && !seen("codegen", data), "{data}");
        }
        assert_eq!(breaches("gpu-exec/src/strategy/cut.rs", "use crate::device::DeviceBuffer;\n").len(), 1);
        assert_eq!(breaches("gpu-exec/src/codegen/body.rs", "use crate::device::DevicePtr;\n").len(), 1);
    }

    #[test]
    fn leaves_are_for_all_and_tests_see_all() {
        assert!(breaches("gpu-exec/src/ir/mod.rs", "use crate::error::Error;\n").is_empty());
        let text = "#[cfg(test)]\nmod tests {\n use crate::device::X;\n}\n";
        assert!(breaches("gpu-exec/src/ir/mod.rs", text).is_empty());
        assert!(breaches("gpu-exec/src/ir/tests.rs", "use crate::device::X;\n").is_empty());
    }

    #[test]
    fn comments_do_not_import_and_new_rooms_are_asked_about() {
        assert!(breaches("gpu-exec/src/ir/mod.rs", "//! As [`crate::device`] has it.\n").is_empty());
        assert_eq!(breaches("gpu-exec/src/utils.rs", "").len(), 1);
        assert!(breaches("gpu-exec/src/lib.rs", "pub use crate::device::X;\n").is_empty());
    }
}
