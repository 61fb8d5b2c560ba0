//! The files that a pattern finds, asked of a store as seldom as may be: a pattern that names its files asks for each, one of a
//! single segment for one folder, and every other for one listing of all that is below the folder it starts at. Only folders
//! of this machine, where a listing costs little and a disk may hold much, are walked.
//!
//! A pattern may leave Hive's folders out: `sales/*.parquet` finds `sales/year=2024/a.parquet` where nothing else matches.

use datafusion::error::Result;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::hive;
use super::pattern::Pattern;
use super::prune::{Prune, Values, Verdict};

/// Files that are asked for at once.
const AT_ONCE: usize = 16;

/// Where files are looked for.
pub(super) struct Search<'a> {
    pub(super) store: &'a dyn ObjectStore,
    /// The folder that the pattern starts at.
    pub(super) folder: &'a Path,
    pub(super) pattern: &'a Pattern,
    pub(super) is_local: bool,
}

impl Search<'_> {
    /// The files but those in folders that `prune` rules out.
    pub(super) async fn files(&self, prune: Option<&Prune<'_>>) -> Result<Vec<ObjectMeta>> {
        if let Some(names) = self.pattern.names() {
            return self.named(names.collect()).await;
        }
        if let Some(prune) = prune {
            let left = self.left(prune).await?;
            // A pattern that leaves Hive's folders out means other files where it matches none: which they are, all of them say.
            if !left.is_empty() || self.pattern.depth().is_none() {
                return Ok(left);
            }
        }
        match self.pattern.depth() {
            Some(_) if self.is_walked() => {
                let found = self.walk(false, None).await?;
                if found.is_empty() { self.walk(true, prune).await } else { Ok(found) }
            }
            Some(0) => {
                let listed = self.store.list_with_delimiter(Some(self.folder)).await?;
                let is_hive = |folder: &Path| folder.filename().is_some_and(hive::is_partition);
                let found: Vec<ObjectMeta> =
                    listed.objects.into_iter().filter(|file| self.matches(file, &[])).collect();
                match found.is_empty() && listed.common_prefixes.iter().any(is_hive) {
                    true => self.below().await,
                    false => Ok(found),
                }
            }
            _ => self.below().await,
        }
    }

    /// Those that the pattern matches as it stands, in folders that `prune` leaves.
    async fn left(&self, prune: &Prune<'_>) -> Result<Vec<ObjectMeta>> {
        if self.is_walked() {
            return self.walk(false, Some(prune)).await;
        }
        let mut left = prune.list(self.store, self.folder).await?;
        left.retain(|file| self.matches(file, &self.folders(file)));
        Ok(left)
    }

    /// Whether only folders are looked into where something may match.
    fn is_walked(&self) -> bool {
        self.is_local && self.pattern.depth().is_some()
    }

    /// Those of these that are there.
    async fn named(&self, names: Vec<String>) -> Result<Vec<ObjectMeta>> {
        let mut asked = Vec::with_capacity(names.len());
        for name in names {
            asked.push(self.head(name));
        }
        let found: Vec<Option<ObjectMeta>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let mut found: Vec<ObjectMeta> = found.into_iter().flatten().collect();
        found.sort_by(|a, b| a.location.cmp(&b.location));
        found.dedup_by(|a, b| a.location == b.location);
        Ok(found)
    }

    async fn head(&self, name: String) -> Result<Option<ObjectMeta>> {
        let file = self.folder.parts().map(|part| part.as_ref().to_string()).chain([name]);
        let file = Path::parse(file.collect::<Vec<_>>().join("/")).map_err(object_store::Error::from)?;
        match self.store.head(&file).await {
            Ok(file) => Ok(Some(file)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Those of all files below the folder.
    async fn below(&self) -> Result<Vec<ObjectMeta>> {
        let (mut found, mut through_hive) = (Vec::new(), Vec::new());
        let mut files = self.store.list(Some(self.folder));
        while let Some(file) = files.try_next().await? {
            let folders = self.folders(&file);
            if self.matches(&file, &folders) {
                found.push(file);
            } else if found.is_empty() && self.pattern.depth().is_some() {
                let others: Vec<&str> = folders.iter().copied().filter(|folder| !hive::is_partition(folder)).collect();
                if others.len() < folders.len() && self.matches(&file, &others) {
                    through_hive.push(file);
                }
            }
        }
        Ok(if found.is_empty() { through_hive } else { found })
    }

    /// The folders between the folder and `file`.
    fn folders<'f>(&self, file: &'f ObjectMeta) -> Vec<&'f str> {
        let path = file.location.as_ref();
        let below = path.strip_prefix(self.folder.as_ref()).unwrap_or(path).trim_start_matches('/');
        let mut folders: Vec<&str> = below.split('/').collect();
        folders.pop();
        folders
    }

    fn matches(&self, file: &ObjectMeta, folders: &[&str]) -> bool {
        file.location.filename().is_some_and(|name| self.pattern.matches(&[folders, &[name]].concat()))
    }

    /// Looks into no folder where nothing can match, and none that `prune` rules out.
    async fn walk(&self, through_hive: bool, prune: Option<&Prune<'_>>) -> Result<Vec<ObjectMeta>> {
        let mut found = Vec::new();
        let mut open = vec![Walked { folder: self.folder.clone(), above: Vec::new(), values: Some(Vec::new()) }];
        while let Some(at) = open.pop() {
            let listed = self.store.list_with_delimiter(Some(&at.folder)).await?;
            for (below, values) in at.below(listed.common_prefixes, prune) {
                let name = below.filename().unwrap_or_default().to_string();
                if self.pattern.admits_folder(&at.above, &name) {
                    open.push(Walked { folder: below, above: [at.above.as_slice(), &[name]].concat(), values });
                } else if through_hive && hive::is_partition(&name) {
                    open.push(Walked { folder: below, above: at.above.clone(), values });
                }
            }
            let above: Vec<&str> = at.above.iter().map(String::as_str).collect();
            found.extend(listed.objects.into_iter().filter(|file| self.matches(file, &above)));
        }
        Ok(found)
    }
}

/// A folder on the way.
struct Walked {
    folder: Path,
    /// The folders above it that the pattern has matched.
    above: Vec<String>,
    /// What its path says of the first columns; `None` where a key has come out of turn, so that nothing below can be ruled out.
    values: Option<Values>,
}

impl Walked {
    /// Those of `folders`, which lie in it, that are left, with their values.
    fn below(&self, folders: Vec<Path>, prune: Option<&Prune<'_>>) -> Vec<(Path, Option<Values>)> {
        let (Some(prune), Some(values)) = (prune, &self.values) else {
            return folders.into_iter().map(|folder| (folder, None)).collect();
        };
        let mut left = Vec::with_capacity(folders.len());
        for (verdict, folder) in prune.verdicts(values, &folders).into_iter().zip(folders) {
            let is_key = folder.filename().is_some_and(hive::is_partition);
            match verdict {
                Verdict::Left(values) => left.push((folder, Some(values))),
                Verdict::Other => left.push((folder, Some(values.clone()).filter(|_| !is_key))),
                Verdict::RuledOut => {}
            }
        }
        left
    }
}
