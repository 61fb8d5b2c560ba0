//! What a plan found where its files lie, and whether a new listing finds the same.

use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use futures::future::try_join_all;
use object_store::ObjectMeta;
use parking_lot::Mutex;

use crate::error::Result;
use crate::files::{FileTable, files_of};

/// The files of one table as they were listed.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) table: FileTable,
    /// Where the table lay while its scan was planned: tells it from others as long as the plan holds it.
    address: usize,
    /// Filters that ruled folders out, so that they were not listed.
    leading: Vec<Expr>,
    files: Arc<[ObjectMeta]>,
    /// Whether the statement itself looks up the table's columns, in all files below a path.
    pub(super) is_opened: bool,
}

impl Listing {
    pub(super) fn is_of(&self, table: &dyn TableProvider) -> bool {
        table.downcast_ref::<FileTable>().is_some_and(|table| address(table) == self.address)
    }

    /// What the plan hangs on: the files that say the columns are all that there are, whatever filters rule out.
    fn needed(&self) -> (&[Expr], &Arc<[ObjectMeta]>) {
        match self.table.files_of_columns().filter(|_| self.is_opened) {
            Some(files) => (&[], files),
            None => (&self.leading, &self.files),
        }
    }
}

/// The listings that are made while a statement is planned; an extension of the configuration that it is planned with.
#[derive(Debug, Default)]
pub(crate) struct Listings(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    listings: Vec<Listing>,
    /// Whether one table was listed twice, and not alike: its files change right now.
    is_torn: bool,
}

impl Listings {
    /// Notes the files of `table` in the folders that `leading` filters leave, if the state wants to know them.
    pub(crate) fn note(state: &dyn Session, table: &FileTable, leading: &[Expr], files: &Arc<[ObjectMeta]>) {
        let Some(listings) = state.config().get_extension::<Self>() else { return };
        let (address, files) = (address(table), Arc::clone(files));
        let mut noted = listings.0.lock();
        let is_it = |listing: &&Listing| listing.address == address && listing.leading == leading;
        match noted.listings.iter().find(is_it) {
            Some(listing) if listing.files == files => {}
            Some(_) => noted.is_torn = true,
            None => {
                let leading = leading.to_vec();
                noted.listings.push(Listing { table: table.clone(), address, leading, files, is_opened: false });
            }
        }
    }

    /// What was noted; `None` where files changed meanwhile.
    pub(super) fn take(&self) -> Option<Vec<Listing>> {
        let noted = std::mem::take(&mut *self.0.lock());
        (!noted.is_torn).then_some(noted.listings)
    }
}

/// Whether `table` is among the listed.
pub(super) fn has(listings: &[Listing], table: &FileTable) -> bool {
    listings.iter().any(|listing| listing.address == address(table))
}

fn address(table: &FileTable) -> usize {
    std::ptr::from_ref(table).addr()
}

/// Whether all tables still have the files that they had, in the same states. All are listed at once.
///
/// # Errors
/// When a store does not answer, or a file is no longer there.
pub(super) async fn hold(listings: &[Listing], state: &Arc<SessionState>) -> Result<bool> {
    let listed = listings.iter().map(|listing| files_of(&listing.table, state.as_ref(), listing.needed().0));
    let listed = try_join_all(listed).await?;
    Ok(listings.iter().zip(listed).all(|(listing, files)| *listing.needed().1 == files))
}
