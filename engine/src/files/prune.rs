//! Hive folders that a filter rules out, before what is in them is listed: a filter of the first key leaves the folders of
//! its values, one of the second the folders in these. Filters of later keys alone choose among files that were listed.

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, ObjectStore};

use super::hive;
use super::partitions::Partitions;
use super::table::FileTable;

/// Folders that are listed at once.
const AT_ONCE: usize = 16;

/// Folders that are listed each for itself though they are most of those that there are.
const FEW: usize = 8;

/// What filters leave of a table's folders.
#[derive(Debug)]
pub(super) struct Prune<'a> {
    partitions: &'a Partitions,
    /// Those that folders give.
    columns: &'a [FieldRef],
    filters: &'a [Expr],
    /// Of how many keys, from the first on, filters decide.
    levels: usize,
}

/// The values that the path of a folder gives to the first columns.
pub(super) type Values = Vec<ScalarValue>;

/// A folder with them.
type Open = (Path, Values);

/// What filters say of a folder within one of known values.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It gives the next column a value that they leave.
    Left(Values),
    RuledOut,
    /// It gives the next column no value: what is in it may give one, or lie outside the layout.
    Other,
}

/// The filters among `filters` that rule out folders: those of the first key, of the first two, and so on.
pub(super) fn leading(table: &FileTable, filters: &[Expr]) -> Vec<Expr> {
    let columns = table.folder_columns();
    let levels = levels(columns, filters);
    let is_leading = |filter: &&Expr| last_column(&columns[..levels], filter).is_some();
    filters.iter().filter(is_leading).cloned().collect()
}

fn levels(columns: &[FieldRef], filters: &[Expr]) -> usize {
    let decides = |level: &usize| filters.iter().any(|filter| last_column(&columns[..=*level], filter) == Some(*level));
    (0..columns.len()).take_while(decides).count()
}

/// Which of `columns` is the last that `filter` is about; `None` if it is about others, or none.
fn last_column(columns: &[FieldRef], filter: &Expr) -> Option<usize> {
    let mut last = None;
    for column in filter.column_refs() {
        last = last.max(Some(columns.iter().position(|field| field.name() == column.name())?));
    }
    last
}

impl<'a> Prune<'a> {
    /// `None` where no filter is about the first key.
    pub(super) fn of(table: &'a FileTable, filters: &'a [Expr]) -> Option<Self> {
        let columns = table.folder_columns();
        let levels = levels(columns, filters);
        (levels > 0).then_some(Self { partitions: &table.partitions, columns, filters, levels })
    }

    /// What the filters say of each of `folders`, which lie in one whose path gives `values`.
    pub(super) fn verdicts(&self, values: &[ScalarValue], folders: &[Path]) -> Vec<Verdict> {
        let Some(column) = self.columns[..self.levels].get(values.len()) else {
            return folders.iter().map(|_| Verdict::Other).collect();
        };
        let value_of = |folder: &Path| {
            // A value of another type is an error for the one who finds a file of the table there.
            let value = hive::value_of(column, folder.filename().unwrap_or_default(), folder.as_ref()).ok()??;
            Some([values, &[value]].concat())
        };
        let given: Vec<Option<Values>> = folders.iter().map(value_of).collect();
        let rows: Vec<&[ScalarValue]> = given.iter().flatten().map(Vec::as_slice).collect();
        let mut admitted = self.partitions.admit(&rows, self.filters).into_iter();
        let verdict = |values: Option<Values>| match values {
            None => Verdict::Other,
            Some(values) if admitted.next().unwrap_or(true) => Verdict::Left(values),
            Some(_) => Verdict::RuledOut,
        };
        given.into_iter().map(verdict).collect()
    }

    /// The files below `folder` but for those in folders that are ruled out.
    pub(super) async fn list(&self, store: &dyn ObjectStore, folder: &Path) -> Result<Vec<ObjectMeta>> {
        let (mut files, mut whole): (Vec<ObjectMeta>, Vec<Path>) = (Vec::new(), Vec::new());
        let mut open: Vec<Open> = vec![(folder.clone(), Vec::new())];
        while !open.is_empty() {
            let mut listing = Vec::with_capacity(open.len());
            for (folder, values) in std::mem::take(&mut open) {
                listing.push(listed(store, folder, values));
            }
            let level: Vec<(Open, ListResult)> = stream::iter(listing).buffered(AT_ONCE).try_collect().await?;
            for ((folder, values), listed) in level {
                match self.left(&values, listed.common_prefixes) {
                    None => whole.push(folder),
                    Some(Left { admitted, others }) => {
                        files.extend(listed.objects);
                        whole.extend(others);
                        let is_last = values.len() + 1 >= self.levels;
                        match is_last {
                            true => whole.extend(admitted.into_iter().map(|(folder, _)| folder)),
                            false => open.extend(admitted),
                        }
                    }
                }
            }
        }
        let mut listing = Vec::with_capacity(whole.len());
        for folder in &whole {
            listing.push(store.list(Some(folder)).try_collect::<Vec<ObjectMeta>>());
        }
        let below: Vec<Vec<ObjectMeta>> = stream::iter(listing).buffered(AT_ONCE).try_collect().await?;
        files.extend(below.into_iter().flatten());
        Ok(files)
    }

    /// What is left of the folders in one; `None` where listing it as it is costs less.
    fn left(&self, values: &[ScalarValue], folders: Vec<Path>) -> Option<Left> {
        let (all, mut left, mut of_column) = (folders.len(), Left::default(), 0);
        for (verdict, folder) in self.verdicts(values, &folders).into_iter().zip(folders) {
            of_column += usize::from(!matches!(verdict, Verdict::Other));
            match verdict {
                Verdict::Left(values) => left.admitted.push((folder, values)),
                Verdict::RuledOut => {}
                Verdict::Other => left.others.push(folder),
            }
        }
        let kept = left.admitted.len() + left.others.len();
        let is_most = of_column == 0 || (kept > FEW && kept * 2 > all);
        (!is_most).then_some(left)
    }
}

/// The folders in one that are left.
#[derive(Debug, Default)]
struct Left {
    admitted: Vec<Open>,
    /// That give the column no value.
    others: Vec<Path>,
}

async fn listed(store: &dyn ObjectStore, folder: Path, values: Values) -> Result<(Open, ListResult)> {
    let listed = store.list_with_delimiter(Some(&folder)).await?;
    Ok(((folder, values), listed))
}
