//! probe
use std::time::Instant;
use maar_engine::datafusion::prelude::SessionContext;
use crate::support::{cells, session};

#[test]
fn probe() {
    let n: usize = std::env::var("N").unwrap_or("1000".into()).parse().unwrap();
    let stack: usize = std::env::var("STACK").unwrap_or("64".into()).parse().unwrap();
    let kind = std::env::var("KIND").unwrap_or("plus".into());
    let sql = match kind.as_str() {
        "plus" => format!("select x{} as y from t", " + x".repeat(n)),
        "const" => format!("select 1{} as y", " + 1".repeat(n)),
        "or" => format!("select x from t where x = 1{}", (0..n).map(|i| format!(" or x = {i}")).collect::<String>()),
        "union" => format!("select count(*) from ({})", vec!["select 1"; n].join(" union all ")),
        "concat" => format!("select 'a'{}", " || 'b'".repeat(n)),
        _ => unreachable!(),
    };
    let body = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(stack << 20).enable_all().build().unwrap();
        runtime.block_on(async {
            if std::env::var("PLAIN").is_ok() {
                let ctx = SessionContext::new();
                ctx.sql("create table t as select 1 as x, true as b").await.unwrap().collect().await.unwrap();
                let started = Instant::now();
                let df = ctx.sql(&sql).await.unwrap();
                println!("plan {:?}", started.elapsed());
                let df = df.create_physical_plan().await.unwrap();
                println!("physical {:?}", started.elapsed());
                std::mem::forget(df);
            } else {
                let session = session();
                session.run_script("create table t as select 1 as x, true as b").await.unwrap();
                let started = Instant::now();
                let q = session.prepare(&sql).await.unwrap();
                println!("plan {:?}", started.elapsed());
                let mut r = q.execute().await.unwrap();
                println!("physical {:?}", started.elapsed());
                while let Some(b) = r.next_batch().await { b.unwrap(); }
                println!("run {:?}", started.elapsed());
                drop(r);
                println!("drop {:?}", started.elapsed());
            }
        });
    };
    std::thread::Builder::new().stack_size(stack << 20).spawn(body).unwrap().join().unwrap()
}
