//! Statistics of Parquet files that say less than they seem to: absent, inexact, blind to NaN, or lies. Every answer on the CPU
//! and on the emulated device.

mod absent;
mod casts;
mod files;
mod floats;
mod lies;
mod order;

use maar_engine::Session;
use maar_engine::device::DeviceKind;

use crate::support::cells;

/// Fails unless each statement gives its cells, on every device; `{t}` stands for `table`.
async fn expect(table: &str, cases: &[(&str, &str)]) {
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = Session::builder().device(device).target_partitions(2).build().unwrap();
        for (sql, expected) in cases {
            let sql = sql.replace("{t}", table);
            assert_eq!(cells(&session, &sql).await.unwrap(), *expected, "{device:?}: {sql}");
        }
    }
}
