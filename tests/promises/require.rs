//! `SET maar.require_device = true`: what can run on the device whole does, what cannot is an error that says why.

use maar_engine::ErrorKind;
use maar_tests::tpch;

use crate::lake::{Lake, on_device};

#[test]
fn a_required_device_runs_all_or_names_what_it_cannot() {
    on_device("require_device", async || {
        let lake = Lake::open().await;
        lake.session.sql("SET maar.require_device = true").await.unwrap();
        for number in [1, 3, 6, 12, 14, 18] {
            let sql = tpch::query(number).unwrap();
            let ran = lake.run(&sql).await;
            assert!(!ran.report.work.pipelines.is_empty(), "Q{number} ran no pipeline");
            lake.same_as_oracle(&sql, &ran).await;
        }
        let refused = [
            ("SELECT l_orderkey FROM lineitem WHERE l_quantity > 49 ORDER BY md5(l_comment)", "md5"),
            ("SELECT row_number() OVER () FROM lineitem WHERE l_quantity > 49", "without ORDER BY"),
            ("SELECT sum(l_quantity) FROM lineitem WHERE strpos(l_comment, l_shipmode) > 3", "strpos"),
        ];
        for (sql, named) in refused {
            let error = lake.try_run(sql).await.err().unwrap_or_else(|| panic!("this ran whole: {sql}"));
            let text = error.render(sql);
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}");
            assert!(text.to_lowercase().contains(&named.to_lowercase()), "`{named}` is not named: {text}");
            assert!(text.contains("maar.require_device"), "the option is not named: {text}");
        }
        lake.session.sql("SET maar.require_device = false").await.unwrap();
        let ranked = lake.run("SELECT rank() OVER (ORDER BY l_orderkey) FROM lineitem WHERE l_quantity > 49").await;
        assert!(ranked.answer.rows() > 0);
    });
}
