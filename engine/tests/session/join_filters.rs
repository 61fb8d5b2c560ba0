//! What a join learns of its build side leaves out no row of the probe side that has a partner.

use maar_engine::Session;
use maar_engine::device::DeviceKind;
use tempfile::TempDir;

use crate::support::cells;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_over_an_outer_join_keep_their_partners() {
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let directory = TempDir::new().unwrap();
        let session = Session::builder().device(device).target_partitions(2).build().unwrap();
        for (name, rows) in [
            ("ta", "select * from (values ('a1', 'x1'), ('a2', 'no')) v(id, ty)"),
            ("tb", "select * from (values ('x1')) v(id)"),
        ] {
            let path = directory.path().join(format!("{name}.parquet")).display().to_string();
            let script = format!(
                "copy ({rows}) to '{path}' stored as parquet; \
                 create external table {name} stored as parquet location '{path}'"
            );
            session.run_script(&script).await.unwrap();
        }
        let groups = "select a.id as x, b.id as y from ta a left join tb b on a.ty = b.id group by a.id, b.id";
        for reordering in [true, false] {
            cells(&session, &format!("set datafusion.optimizer.join_reordering = {reordering}")).await.unwrap();
            let joined = format!("select s.id, g.x, g.y from tb s join ({groups}) g on s.id = g.y");
            assert_eq!(cells(&session, &joined).await.unwrap(), "x1,a1,x1", "{device:?}");
            let unmatched = format!("select s.id, g.x from ({groups}) g left join tb s on s.id = g.y order by g.x");
            assert_eq!(cells(&session, &unmatched).await.unwrap(), "x1,a1;,a2", "{device:?}");
        }
    }
}
