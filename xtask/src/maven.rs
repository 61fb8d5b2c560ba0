//! What Java takes, from a Maven repository, kept in cargo's build folder: drivers of databases, and a small Hadoop.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, command, root};

/// A file in a Maven repository.
pub(crate) struct Artifact {
    group: &'static str,
    pub(crate) name: &'static str,
    version: &'static str,
}

impl Artifact {
    const fn new(group: &'static str, name: &'static str, version: &'static str) -> Self {
        Self { group, name, version }
    }

    fn file(&self) -> String {
        format!("{}-{}.jar", self.name, self.version)
    }
}

pub(crate) const JDBC: Artifact = Artifact::new("org.apache.arrow", "flight-sql-jdbc-driver", "18.3.0");
pub(crate) const POSTGRES_JDBC: Artifact = Artifact::new("org.postgresql", "postgresql", "42.7.8");

/// A cluster of HDFS in one process, Hadoop's own client, and the two interfaces of logs that they are linked with.
const HADOOP: [Artifact; 5] = [
    Artifact::new("org.apache.hadoop", "hadoop-client-api", "3.5.0"),
    Artifact::new("org.apache.hadoop", "hadoop-client-runtime", "3.5.0"),
    Artifact::new("org.apache.hadoop", "hadoop-client-minicluster", "3.5.0"),
    Artifact::new("org.slf4j", "slf4j-api", "1.7.36"),
    Artifact::new("commons-logging", "commons-logging", "1.3.5"),
];

/// Nothing of what an artifact says it needs: all that is linked with is named.
const ALONE: &str = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>";

/// A driver, with the Java that runs it on PATH. `install` gets packages of the system.
pub(crate) fn driver(
    artifact: &Artifact,
    install: impl Fn(&[&str]) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let folder = root::target().join("jdbc");
    ensure(&folder, std::slice::from_ref(artifact), install)?;
    Ok(folder.join(artifact.file()))
}

/// The folder of Hadoop's jars.
pub(crate) fn hadoop(install: impl Fn(&[&str]) -> Result<(), Failure>) -> Result<PathBuf, Failure> {
    let folder = root::target().join("hadoop");
    ensure(&folder, &HADOOP, install)?;
    Ok(folder)
}

fn ensure(
    folder: &Path,
    artifacts: &[Artifact],
    install: impl Fn(&[&str]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let absent = || artifacts.iter().find(|artifact| !folder.join(artifact.file()).exists());
    let are_there = absent().is_none();
    // Tests are source files: they take the compiler of a JDK.
    let lacking: Vec<&str> = [("javac", "default-jdk-headless"), ("mvn", "maven")]
        .into_iter()
        .filter(|(program, _)| command::find(program).is_none() && !(*program == "mvn" && are_there))
        .map(|(_, package)| package)
        .collect();
    if !lacking.is_empty() {
        install(&lacking)?;
    }
    if !are_there {
        copy(folder, artifacts)?;
    }
    absent().map_or(Ok(()), |artifact| Err(format!("Maven copied no {}", artifact.file())))
}

/// Has Maven copy the files, and hold them against their checksums, without what they say they need.
fn copy(folder: &Path, artifacts: &[Artifact]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let (project, names) = (folder.join("pom.xml"), artifacts.iter().map(|artifact| artifact.name).collect::<Vec<_>>());
    fs::write(&project, pom(artifacts)).map_err(failed)?;
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "--strict-checksums", "--file"]).arg(&project);
    maven.arg("dependency:copy-dependencies");
    command::run(maven.arg(format!("-DoutputDirectory={}", folder.display()))).map_err(|cause| {
        format!("{cause}; it is to fetch {}: give this machine access to a Maven repository", names.join(", "))
    })
}

fn pom(artifacts: &[Artifact]) -> String {
    let dependencies: String = artifacts
        .iter()
        .map(|Artifact { group, name, version }| {
            format!(
                "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>{ALONE}</dependency>"
            )
        })
        .collect();
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>maar</groupId><artifactId>parts</artifactId><version>1</version>\
         <dependencies>{dependencies}</dependencies></project>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_artifacts_are_in_the_project() {
        let text = pom(&HADOOP);
        assert!(
            HADOOP.iter().all(|artifact| text.contains(artifact.name) && text.contains(artifact.version)),
            "{text}"
        );
        assert_eq!(JDBC.file(), "flight-sql-jdbc-driver-18.3.0.jar");
    }
}
