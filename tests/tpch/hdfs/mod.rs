//! A real HDFS: two name nodes and a data node in one Java process, with Hadoop's own client to write what Maar reads and to read
//! what Maar wrote. The 22 queries of TPC-H from it, patterns, Hive's folders, COPY, permissions, name services, mount tables, and a
//! name node that stops.
//!
//! Needs Java and MAAR_TEST_HADOOP, a folder of jars, which `cargo xtask test` fetches.

mod cluster;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use maar_engine::ErrorKind;
use maar_tests::session::{Answer, Place, TestSession, runtime};
use maar_tests::{Result, render, skip, tpch};

use super::{SCALE, agree, settle};
use cluster::Cluster;

const JARS: &str = "MAAR_TEST_HADOOP";
/// Names the folder of Hadoop's configuration for Hadoop and for Maar.
const CONFIGURATION: &str = "HADOOP_CONF_DIR";
/// Says that this process was started by the test.
const CHILD: &str = "MAAR_TEST_HDFS_CHILD";
const USER: &str = "eve";
/// How long a request to a name node that is not there may take: three tries, at growing intervals.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_cluster_of_hadoop_is_read_and_written() {
    let Some(jars) = std::env::var_os(JARS).map(PathBuf::from) else {
        let reason = "MAAR_TEST_HADOOP names no folder of Hadoop's jars; `cargo xtask test` fetches them";
        return skip::skipped("java", "tpch hdfs", reason);
    };
    settle();
    runtime().unwrap().block_on(whole(&jars)).unwrap();
}

async fn whole(jars: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut cluster = Cluster::start(jars, &folder.path().join("hadoop"))?;
    // Meanwhile.
    let data = folder.path().join("tpch");
    tpch::create(&data, SCALE)?;
    let session = TestSession::open(Place::Cpu)?;
    let ports = cluster.ready()?;
    let place = format!("hdfs://localhost:{}", ports[0]);
    let mut test = Test { cluster, session, place, folder: folder.path().to_owned() };

    test.reads_what_hadoop_wrote().await?;
    test.writes_what_hadoop_reads().await?;
    test.errors_have_kinds().await?;
    test.cluster.run(&["put", &data.display().to_string(), "/tpch"])?;
    Box::pin(agree(&data, Path::new(&format!("{}/tpch", test.place)))).await?;
    test.names_as_hadoop_has_them(ports).await?;
    test.name_nodes_stop().await?;
    test.leaves_nothing_unfinished().await
}

struct Test {
    cluster: Cluster,
    session: TestSession,
    /// The URL of the active name node.
    place: String,
    folder: PathBuf,
}

impl Test {
    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Apart from the futures that wait for it, which would be as large as it is.
    async fn run(&self, sql: &str) -> Result<Answer> {
        Box::pin(self.session.run(sql)).await
    }

    /// The first row, its values between commas.
    async fn row(&self, sql: &str) -> Result<String> {
        let rows = render::rows(&self.run(sql).await?.batches)?;
        Ok(rows.first().map(|row| row.join(",")).unwrap_or_default())
    }

    async fn expect(&self, sql: &str, row: &str) -> Result<()> {
        match self.row(sql).await? {
            found if found == row => Ok(()),
            found => Err(format!("{sql}: '{found}', not '{row}'").into()),
        }
    }

    async fn fails(&self, sql: &str, kind: ErrorKind, says: &[&str]) -> Result<()> {
        match Box::pin(self.session.attempt(sql)).await {
            Ok(_) => Err(format!("{sql}: no error").into()),
            Err(error) if error.kind() == kind && says.iter().all(|text| error.to_string().contains(text)) => Ok(()),
            Err(error) => Err(format!("{sql}: {:?}: {error}", error.kind()).into()),
        }
    }

    async fn reads_what_hadoop_wrote(&mut self) -> Result<()> {
        let (at, csv, parquet) = (self.place.clone(), self.file("csv"), self.file("a.parquet"));
        let rows = "SELECT i, 2020 + i % 3 AS year, repeat('x', 40) AS t FROM generate_series(1, 30000) g(i)";
        self.run(&format!("COPY ({rows}) TO '{csv}' (FORMAT csv, PARTITION_BY (year))")).await?;
        self.run(&format!("COPY ({rows}) TO '{parquet}'")).await?;
        self.cluster.run(&["put", &csv, "/lake/csv"])?;
        self.cluster.run(&["put", &parquet, "/lake/p/q/a.parquet"])?;
        self.cluster.run(&["put", &parquet, "/lake/p/q/b c.parquet"])?;
        let sum = "SELECT count(*), sum(i), max(length(t)) FROM";
        self.expect(&format!("{sum} '{at}/lake/csv/year=*/*.csv'"), "30000,450015000,40").await?;
        self.expect(&format!("{sum} '{at}/lake/csv/' WHERE year = 2021"), "10000,149995000,40").await?;
        self.expect(&format!("{sum} ['{at}/lake/p/q/a.parquet', '{at}/lake/p/q/a.parquet']"), "60000,900030000,40")
            .await?;
        self.expect(&format!("{sum} '{at}/lake/p/**/[ab]*.parquet' WHERE i > 15000"), "30000,675015000,40").await?;
        self.expect(&format!("SELECT count(*) > 2 FROM glob('{at}/lake/csv/**/*.csv')"), "true").await?;
        // Another file of that name is seen.
        self.run(&format!("COPY (SELECT 7 AS i) TO '{parquet}'")).await?;
        self.cluster.run(&["put", &parquet, "/lake/p/q/a.parquet"])?;
        self.expect(&format!("SELECT count(*), sum(i) FROM '{at}/lake/p/q/a.parquet'"), "1,7").await
    }

    async fn writes_what_hadoop_reads(&mut self) -> Result<()> {
        let at = self.place.clone();
        let rows = "SELECT i, i % 4 AS k, md5(CAST(i AS VARCHAR)) AS t FROM generate_series(1, 40000) g(i)";
        // Files of more than that come in parts.
        self.run("SET datafusion.execution.objectstore_writer_buffer_size = 100000").await?;
        self.run(&format!("COPY ({rows}) TO '{at}/out/one.parquet'")).await?;
        self.run(&format!("COPY ({rows}) TO '{at}/out/parts' (FORMAT csv, PARTITION_BY (k))")).await?;
        self.run(&format!("COPY (SELECT 1 AS i) TO '{at}/out/small.csv'")).await?;
        self.run(&format!("COPY (SELECT 2 AS i) TO '{at}/out/small.csv'")).await?;
        let written = self.cluster.run(&["list", "/out"])?;
        let folders = ["/out/one.parquet", "/out/small.csv", "/out/parts/k=0/", "/out/parts/k=3/"];
        if !folders.iter().all(|name| written.contains(name)) || written.contains("unfinished") {
            return Err(format!("Hadoop lists {written}").into());
        }
        for name in ["one.parquet", "parts", "small.csv"] {
            self.cluster.run(&["get", &format!("/out/{name}"), &self.file(name)])?;
        }
        let sum = "SELECT count(*), sum(i), count(DISTINCT t), max(k) FROM";
        for place in [format!("{at}/out"), self.folder.display().to_string()] {
            self.expect(&format!("{sum} '{place}/one.parquet'"), "40000,800020000,40000,3").await?;
            self.expect(&format!("{sum} '{place}/parts/'"), "40000,800020000,40000,3").await?;
            self.expect(&format!("SELECT * FROM '{place}/small.csv'"), "2").await?;
        }
        Ok(())
    }

    /// Whole or not at all, however much was written before.
    async fn leaves_nothing_unfinished(&mut self) -> Result<()> {
        let at = "hdfs://ns";
        let failing = "SELECT md5(CAST(i AS VARCHAR)) AS t, 1 / (i - 40000) AS x FROM generate_series(1, 40000) g(i)";
        self.fails(&format!("COPY ({failing}) TO '{at}/failed/a.csv'"), ErrorKind::Invalid, &["zero"]).await?;
        let begun = Instant::now();
        loop {
            let left = self.cluster.run(&["list", "/failed"]).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > GIVEN_UP_WITHIN {
                return Err(format!("a COPY that failed left {left}").into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    async fn errors_have_kinds(&mut self) -> Result<()> {
        let at = self.place.clone();
        let none = format!("SELECT * FROM '{at}/lake/none.parquet'");
        self.fails(&none, ErrorKind::NotFound, &["/lake/none.parquet"]).await?;
        self.fails(&format!("SELECT * FROM '{at}/lake/none/*.csv'"), ErrorKind::NotFound, &["no file matches"]).await?;
        self.cluster.run(&["mkdir", "/private"])?;
        self.cluster.run(&["put", &self.file("a.parquet"), "/private/a.parquet"])?;
        self.cluster.run(&["chmod", "700", "/private"])?;
        let private = format!("SELECT * FROM '{at}/private/a.parquet'");
        self.expect(&private, "7").await?;
        self.run(&format!("CREATE SECRET guest (TYPE hdfs, USER 'ada', SCOPE '{at}/private')")).await?;
        self.fails(&private, ErrorKind::Storage, &["Permission denied: user=ada", "USER"]).await?;
        let write = format!("COPY (SELECT 1 AS i) TO '{at}/private/b.csv'");
        self.fails(&write, ErrorKind::Storage, &["Permission denied: user=ada", "create of"]).await?;
        self.run("DROP SECRET guest").await?;
        self.expect(&private, "7").await
    }

    async fn names_as_hadoop_has_them(&mut self, ports: [u16; 2]) -> Result<()> {
        let configuration = self.file("conf");
        std::fs::create_dir(&configuration)?;
        std::fs::write(Path::new(&configuration).join("core-site.xml"), settings(ports))?;
        self.cluster.run(&["mkdir", "/open"])?;
        self.cluster.run(&["chmod", "777", "/open"])?;
        // What the environment says is a process's: another one of this program.
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--exact", "hdfs::what_the_environment_says_is_heeded", "--nocapture"]);
        let ran = child.env(CHILD, "1").env(CONFIGURATION, &configuration).env("HADOOP_USER_NAME", USER).output()?;
        if !ran.status.success() || self.cluster.run(&["owner", "/open/child.csv"])? != USER {
            return Err(
                format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)).into()
            );
        }
        let secret = format!("CREATE SECRET (TYPE hdfs, CONFIG_DIR '{configuration}', MAX_RETRIES '2')");
        self.run(&secret).await?;
        names(&self.session).await
    }

    async fn name_nodes_stop(&mut self) -> Result<()> {
        let count = |place: &str| format!("SELECT count(*) FROM '{place}/lake/csv/year=2020/*.csv'");
        let direct = count(&self.place);
        self.expect(&direct, "10000").await?;
        self.cluster.run(&["failover"])?;
        let begun = Instant::now();
        let says = ["after 3 tries", self.place.as_str(), "/lake/csv/year=2020", "refused"];
        self.fails(&direct, ErrorKind::Storage, &says).await?;
        if begun.elapsed() > GIVEN_UP_WITHIN {
            return Err(format!("it took {:?} to find that no name node is there", begun.elapsed()).into());
        }
        // The service has another.
        self.expect(&count("hdfs://ns"), "10000").await?;
        self.run("COPY (SELECT 3 AS i) TO 'hdfs://ns/out/later.csv'").await?;
        self.expect("SELECT * FROM 'viewfs://all/written/later.csv'", "3").await
    }
}

/// All names of one folder: of the service, the default, and through mount tables.
async fn names(session: &TestSession) -> Result<()> {
    for place in ["hdfs://ns/lake", "hdfs:///lake", "viewfs://all/lake", "viewfs://all/mounted"] {
        let sql = format!("SELECT count(*) FROM '{place}/csv/year=*/*.csv' WHERE year > 2020");
        let rows = render::rows(&Box::pin(session.run(&sql)).await?.batches)?;
        if rows != [["20000"]] {
            return Err(format!("{sql}: {rows:?}").into());
        }
    }
    Ok(())
}

/// A service of two name nodes, the default, and a mount table over it.
fn settings(ports: [u16; 2]) -> String {
    let settings = [
        ("fs.defaultFS", "hdfs://ns".to_owned()),
        ("dfs.ha.namenodes.ns", "one,two".to_owned()),
        ("dfs.namenode.rpc-address.ns.one", format!("localhost:{}", ports[0])),
        ("dfs.namenode.rpc-address.ns.two", format!("localhost:{}", ports[1])),
        ("fs.viewfs.mounttable.all.linkFallback", "hdfs://ns/".to_owned()),
        ("fs.viewfs.mounttable.all.link./mounted", "hdfs://ns/lake".to_owned()),
        ("fs.viewfs.mounttable.all.link./written", "hdfs://ns/out".to_owned()),
    ];
    let property =
        |(name, value): &(&str, String)| format!("<property><name>{name}</name><value>{value}</value></property>");
    format!("<configuration>{}</configuration>", settings.iter().map(property).collect::<String>())
}

/// Run by the test above, in a process that knows Hadoop's variables.
#[test]
fn what_the_environment_says_is_heeded() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    runtime().unwrap().block_on(async {
        let session = TestSession::open(Place::Cpu).unwrap();
        names(&session).await.unwrap();
        Box::pin(session.run("COPY (SELECT 1 AS i) TO 'hdfs:///open/child.csv'")).await.unwrap();
    });
}
