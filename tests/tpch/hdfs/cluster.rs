//! The Java process that is a cluster of HDFS.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use maar_tests::Result;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tpch/hdfs/Hdfs.java");
/// A cluster for tests holds little, and is to be there soon.
const JAVA_OPTIONS: [&str; 3] = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
/// What the nodes look for in their jars, and unpack, where there is no such folder.
const PAGES: [&str; 3] = ["webapps/hdfs", "webapps/datanode", "webapps/static"];

/// A cluster of its own, which ends with the test.
pub(super) struct Cluster {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Cluster {
    /// Begins to start it, with its files in `folder`.
    pub(super) fn start(jars: &Path, folder: &Path) -> Result<Self> {
        for pages in PAGES {
            fs::create_dir_all(folder.join("pages").join(pages))?;
        }
        let log = folder.join("java.log");
        let mut java = Command::new("java");
        java.args(JAVA_OPTIONS).arg("-cp").arg(format!("{}:{}/*", folder.join("pages").display(), jars.display()));
        java.arg(PROGRAM).arg(folder.join("cluster")).current_dir(folder);
        // What the user has of Hadoop is not what is tested.
        java.env_remove("HADOOP_CONF_DIR").env_remove("HADOOP_USER_NAME");
        let mut child = java.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log)?).spawn()?;
        let commands = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        Ok(Self { child, commands, answers, log })
    }

    /// The ports of its name nodes, once it is there. The first is the active one.
    pub(super) fn ready(&mut self) -> Result<[u16; 2]> {
        let said = self.answer()?;
        let ports: Vec<u16> = said.split(' ').filter_map(|word| word.parse().ok()).collect();
        ports.try_into().map_err(|_| format!("the cluster said '{said}'").into())
    }

    /// Has Hadoop's client do something: a command and what it is about.
    pub(super) fn run(&mut self, words: &[&str]) -> Result<String> {
        writeln!(self.commands, "{}", words.join("\t"))?;
        self.commands.flush()?;
        let answer = self.answer()?;
        match answer.strip_prefix("ok") {
            Some(rest) => Ok(rest.trim().to_owned()),
            None => Err(format!("{}: {answer}", words.join(" ")).into()),
        }
    }

    fn answer(&mut self) -> Result<String> {
        match self.answers.next() {
            Some(line) => Ok(line?),
            None => Err(format!("the cluster ended: {}", fs::read_to_string(&self.log)?).into()),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
