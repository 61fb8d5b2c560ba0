//! A client of one cluster: of the name node or the name service in a URL, or of Hadoop's default, with what a secret or the
//! environment says of it. Nothing is asked of the cluster yet.

use std::path::Path;

use hdfs_native::{Client, ClientBuilder, HdfsError};
use tokio::runtime::Handle;
use url::Url;

use super::failure::said;
use super::store::Hdfs;
use crate::kind::key;
use crate::tries::Tries;
use crate::{Error, Result, Secret};

/// The port of a name node that a URL does not name.
const PORT: u16 = 8020;
/// How long the client waits before it asks again, in thousandths of a second; each time twice as long.
const FIRST_WAIT: &str = "100";
const LONGEST_WAIT: &str = "10000";
/// How long a data node may be silent, in thousandths of a second.
const SILENCE_MAX: &str = "30000";

/// Opens the cluster of `url`.
///
/// # Errors
/// For a configuration that cannot be read or has no such name service, mount table or default.
pub(crate) fn open(url: &Url, secret: Option<&Secret>) -> Result<Hdfs> {
    let (place, tries) = (key(url), Tries::of(secret));
    let refused = |cause: String| Error::Cluster { url: place.clone(), cause };
    // The client keeps the runtime that it is made in, and would make one of its own elsewhere.
    let Ok(runtime) = Handle::try_current() else {
        return Err(refused("it is opened by a thread outside of any Tokio runtime".to_string()));
    };
    // Files that are not there are no configuration to the client.
    if let Some(folder) =
        secret.and_then(|secret| secret.get("config_dir")).filter(|folder| !Path::new(folder).is_dir())
    {
        return Err(refused(format!("there is no folder '{folder}'")));
    }
    let build = |address: &str| client(address, secret, tries, runtime.clone());
    let is_bare = url.scheme() == "hdfs" && url.has_host() && url.port().is_none();
    let built = match build(&place) {
        // As Hadoop's own client has it: a name that is no name service's is a machine's.
        Err(HdfsError::InvalidArgument(_)) if is_bare => build(&format!("{place}:{PORT}")),
        built => built,
    };
    let client = built.map_err(|cause| refused(said(&cause)))?;
    Ok(Hdfs::new(client, place, tries))
}

fn client(address: &str, secret: Option<&Secret>, tries: Tries, runtime: Handle) -> hdfs_native::Result<Client> {
    let retries = tries.retries.to_string();
    let mut settings = vec![
        ("dfs.client.failover.max.attempts", retries.as_str()),
        ("dfs.client.failover.sleep.base.millis", FIRST_WAIT),
        ("dfs.client.failover.sleep.max.millis", LONGEST_WAIT),
        ("dfs.client.socket-timeout", SILENCE_MAX),
    ];
    // Of two values of a key the last counts.
    settings.extend(secret.into_iter().flat_map(Secret::of_hadoop));
    let mut builder = ClientBuilder::new().with_url(address).with_config(settings).with_io_runtime(runtime);
    if let Some(folder) = secret.and_then(|secret| secret.get("config_dir")) {
        builder = builder.with_config_dir(folder);
    }
    if let Some(user) = secret.and_then(|secret| secret.get("user")) {
        builder = builder.with_user(user);
    }
    builder.build()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Kind;

    fn opened(url: &str, options: &[(&str, &str)]) -> Result<Hdfs> {
        let options: Vec<_> = options.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        open(&Url::parse(url).unwrap(), Some(&Secret::new(Kind::Hdfs, "s", None, &options)?))
    }

    #[tokio::test]
    async fn clusters_are_named_as_hadoop_names_them() {
        let service = [("dfs.ha.namenodes.ns", "a,b"), ("dfs.namenode.rpc-address.ns.a", "127.0.0.1:1")];
        let default = [("fs.defaultFS", "hdfs://127.0.0.1:1")];
        let mounts = [
            ("fs.viewfs.mounttable.all.linkFallback", "hdfs://127.0.0.1:1/"),
            ("fs.viewfs.mounttable.all.link./lake", "hdfs://127.0.0.1:2/lake"),
        ];
        opened("hdfs://127.0.0.1:1/x", &[]).unwrap();
        opened("hdfs://machine/x", &[]).unwrap();
        opened("hdfs://ns/x", &service).unwrap();
        opened("hdfs:///x", &default).unwrap();
        opened("viewfs://all/lake", &mounts).unwrap();
        for (url, options, says) in [
            ("hdfs:///x", [].as_slice(), "'hdfs://' cannot be opened"),
            ("hdfs:///x", &[("fs.defaultFS", "viewfs://all")], "must contain a host"),
            ("hdfs://ns/x", &[("config_dir", "/no/such/folder")], "no folder '/no/such/folder'"),
            ("viewfs://other/x", &mounts, "No viewfs fallback mount found"),
        ] {
            let error = opened(url, options).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("HADOOP_CONF_DIR"), "{url}: {error}");
        }
    }

    #[test]
    fn a_thread_of_no_runtime_opens_none() {
        assert!(opened("hdfs://127.0.0.1:1/x", &[]).unwrap_err().to_string().contains("runtime"));
    }
}
