//! The device plan: what a placed host subtree means, before strategy and facts.
//!
//! A tree of relational nodes. No node promises an order of its rows but [`Node::Sort`]. Not here: pipelines, algorithms, widths.

use arrow::datatypes::{DataType, SchemaRef};

use super::{Expr, Type, WindowCall};

/// An output column of a node.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
}

/// What the host keeps of a subtree's rows: the first `rows` in an order, of which this is the first key.
#[derive(Clone, Debug)]
pub struct FirstRows {
    /// Position among the output columns, and the type that the host knows it by.
    pub column: usize,
    pub data_type: DataType,
    pub descending: bool,
    pub nulls_first: bool,
    pub rows: u64,
}

#[derive(Clone, Debug)]
pub enum Node {
    /// Columns of Parquet files, only those projected. Any predicate the scan carries prunes row groups and is no filter.
    /// `scan` is a position in the list of scans kept beside the tree.
    Scan {
        scan: usize,
        fields: Vec<Field>,
    },
    /// The output of host child number `child`, uploaded.
    Input {
        child: usize,
        schema: SchemaRef,
        fields: Vec<Field>,
    },
    /// Keeps the rows for which the predicate is true.
    Filter {
        input: Box<Node>,
        predicate: Expr,
    },
    Project {
        input: Box<Node>,
        exprs: Vec<Expr>,
        fields: Vec<Field>,
    },
    /// `left` is the host's build side: a hint. Keys are equal in type pairwise; NULL keys never match, unless `nulls_equal`. With
    /// no keys every pair is a candidate. `residual`, over the concatenated columns left then right, is part of what makes a match.
    Join {
        kind: JoinKind,
        left: Box<Node>,
        right: Box<Node>,
        on: Vec<(Expr, Expr)>,
        nulls_equal: bool,
        residual: Option<Expr>,
        output: Vec<JoinColumn>,
        fields: Vec<Field>,
    },
    /// Grouped when `keys` is not empty. Output: keys, then one column a call; with `sets` (GROUPING SETS, ROLLUP, CUBE) the
    /// groups of each of them, with NULL for the keys that it leaves out, and its number between keys and calls.
    Aggregate {
        input: Box<Node>,
        keys: Vec<Expr>,
        sets: Vec<GroupingSet>,
        calls: Vec<AggregateCall>,
        fields: Vec<Field>,
    },
    /// The rows of all inputs (UNION ALL), whose columns are of the same types.
    Union {
        inputs: Vec<Node>,
        fields: Vec<Field>,
    },
    /// Its input's rows, each with one column more a call. Rows with equal `partition_by` are a partition; within it calls see them
    /// in the order of `order_by`, and those that are equal in it are peers.
    Window {
        input: Box<Node>,
        partition_by: Vec<Expr>,
        order_by: Vec<SortKey>,
        calls: Vec<WindowCall>,
        fields: Vec<Field>,
    },
    /// All rows in an order: by the first key, among equals by the next, and so on. Only at the root of a plan, under nothing
    /// but a limit and projections.
    Sort {
        input: Box<Node>,
        keys: Vec<SortKey>,
    },
    /// At most `fetch` rows after skipping `skip`: the first ones of an order, where there is one below; else which rows is not
    /// specified. Only at the root of a plan.
    Limit {
        input: Box<Node>,
        skip: u64,
        fetch: Option<u64>,
    },
}

/// Some of the keys of an aggregation, by which its rows are grouped once more.
#[derive(Clone, Debug)]
pub struct GroupingSet {
    /// Of each key whether it is one of them.
    pub has: Vec<bool>,
    /// What the host calls it in the column behind the keys.
    pub number: u64,
}

/// What rows are ordered by.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// Over the columns of what is sorted.
    pub expr: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

/// Which rows a join puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Every pair that matches.
    Inner,
    /// The rows of one side that have a match, once each; its columns only.
    Semi { kept: JoinSide },
    /// The rows of one side that have none; its columns only.
    Anti { kept: JoinSide },
    /// The rows of one side whose key certainly is none of the other side's, as NOT IN has it: none where one of those is NULL; a NULL
    /// key only where there is no row at all. On one key, without a residual condition; its columns only.
    NotIn { kept: JoinSide },
    /// Every pair that matches, and the rows of one side that have none, with NULLs for the other side's columns.
    Outer { kept: JoinSide },
    /// Every pair that matches, and the rows of either side that have none, with NULLs for the other side's columns.
    Full,
    /// Every row of one side once, and whether it has a match; its columns and [`JoinColumn::Mark`] only.
    Mark { kept: JoinSide },
}

impl JoinKind {
    /// The side whose rows look for matches, where that is not free to choose.
    pub fn kept(self) -> Option<JoinSide> {
        match self {
            JoinKind::Inner | JoinKind::Full => None,
            JoinKind::Semi { kept }
            | JoinKind::Anti { kept }
            | JoinKind::NotIn { kept }
            | JoinKind::Outer { kept }
            | JoinKind::Mark { kept } => Some(kept),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinSide {
    Left,
    Right,
}

impl JoinSide {
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            JoinSide::Left => JoinSide::Right,
            JoinSide::Right => JoinSide::Left,
        }
    }
}

/// An output column of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinColumn {
    /// Column `index` of one side.
    Of { side: JoinSide, index: usize },
    /// Whether the row has a match.
    Mark,
}

#[derive(Clone, Debug)]
pub struct AggregateCall {
    pub function: AggregateFunction,
    /// `None` only for `count(*)`.
    pub argument: Option<Expr>,
    /// Whether it is about the values that differ, each once.
    pub distinct: bool,
    /// `FILTER (WHERE ...)`.
    pub filter: Option<Expr>,
    /// The type of the result as the host declares it.
    pub ty: Type,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    /// The mean of the squares of the distances from the mean; of a `sample`, divided by one less than there are values, and
    /// NULL of one value. `root`: the square root of that.
    Variance {
        sample: bool,
        root: bool,
    },
}

impl Node {
    /// The columns this node puts out.
    pub fn fields(&self) -> &[Field] {
        match self {
            Node::Scan { fields, .. }
            | Node::Input { fields, .. }
            | Node::Project { fields, .. }
            | Node::Join { fields, .. }
            | Node::Union { fields, .. }
            | Node::Window { fields, .. }
            | Node::Aggregate { fields, .. } => fields,
            Node::Filter { input, .. } | Node::Sort { input, .. } | Node::Limit { input, .. } => input.fields(),
        }
    }
}
