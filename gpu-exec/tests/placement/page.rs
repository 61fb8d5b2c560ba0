//! docs/device.md is the support table.

use std::path::Path;

use maar_gpu_exec::planner::support;

#[test]
fn the_page_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/device.md");
    let page = support::page();
    if std::env::var_os("MAAR_WRITE_PAGES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/device.md is not what the support table says: write it with MAAR_WRITE_PAGES=1");
}
