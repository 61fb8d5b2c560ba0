//! A printed plan as a tree: branches from its indentation, and beside each operator the place where it runs, from the
//! lines of `placement`.

/// Where an operator runs, as the engine's `placement` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Device,
    Host,
    /// Rows are passed on: no work of its own.
    Movement,
}

impl Place {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Host => "host",
            Self::Movement => "-",
        }
    }
}

/// A line of `placement`: an operator, its place, and the reason in brackets where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed<'a> {
    operator: &'a str,
    place: Place,
    reason: &'a str,
}

/// An operator of a plan: the lines below its own that are not operators are its details.
#[derive(Debug)]
pub(super) struct Node {
    depth: usize,
    pub(super) operator: String,
    details: Vec<String>,
    pub(super) place: Option<Place>,
}

/// Draws nothing yet: the operators of a printed plan, which indents each by two spaces more than the one above it.
pub(super) fn nodes(plan: &str) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for line in plan.trim_end().lines() {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 2;
        match nodes.last_mut() {
            Some(above) if depth > above.depth + 1 => above.details.push(text.to_owned()),
            _ => nodes.push(Node { depth, operator: text.to_owned(), details: Vec::new(), place: None }),
        }
    }
    nodes
}

/// Gives each operator its place. Those that the device runs as one are listed below it. Whether the two fit each other:
/// where they do not, nothing is changed.
pub(super) fn place(nodes: &mut [Node], placement: &str) -> bool {
    let Some(lines) = placement.trim_end().lines().map(placed).collect::<Option<Vec<_>>>() else { return false };
    let mut lines = lines.into_iter().peekable();
    let mut found = Vec::new();
    for node in nodes.iter() {
        let of_device = |line: &Placed| line.place == Place::Device;
        let mut run = Vec::new();
        if node.operator.starts_with("DeviceExec") {
            while let Some(line) = lines.next_if(of_device) {
                run.push(line);
            }
            if run.is_empty() {
                return false;
            }
        } else {
            let own = lines.next_if(|line| is_of(line.operator, &node.operator) && !of_device(line));
            run.extend(own);
            if run.len() != 1 {
                return false;
            }
        }
        found.push(run);
    }
    if lines.next().is_some() {
        return false;
    }
    // The reason of the host operator above: one that holds for many is said once.
    let mut said = "";
    for (node, run) in nodes.iter_mut().zip(found) {
        let is_device = node.operator.starts_with("DeviceExec");
        node.place = run.first().map(|line| line.place);
        let words: Vec<String> = match run.first() {
            Some(_) if is_device => run.iter().map(|line| format!("runs {}", line.operator)).collect(),
            Some(line) if !line.reason.is_empty() && line.reason != said => {
                said = line.reason;
                vec![format!("why: {said}")]
            }
            _ => Vec::new(),
        };
        node.details.splice(0..0, words);
    }
    true
}

/// Whether a line of `placement` speaks of an operator of the plan, which may have its metrics behind it.
fn is_of(placed: &str, operator: &str) -> bool {
    operator.strip_prefix(placed).is_some_and(|rest| rest.is_empty() || rest.starts_with(", metrics=["))
}

/// Reads `OPERATOR: PLACE` or `OPERATOR: PLACE (REASON)`.
fn placed(line: &str) -> Option<Placed<'_>> {
    if let Some(operator) = line.strip_suffix(": device") {
        return Some(Placed { operator, place: Place::Device, reason: "" });
    }
    if let Some(operator) = line.strip_suffix(": movement") {
        return Some(Placed { operator, place: Place::Movement, reason: "" });
    }
    let (operator, reason) = line.split_once(": host (")?;
    Some(Placed { operator, place: Place::Host, reason: reason.strip_suffix(')')? })
}

/// The lines of a tree: what stands before the text, and the text. The first line of an operator comes with it.
pub(super) fn lines(nodes: &[Node]) -> Vec<(Option<&Node>, String)> {
    let mut drawn = Vec::new();
    // Whether a level has another operator further down.
    let mut open: Vec<bool> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let below = &nodes[at + 1..];
        let goes_on = below.iter().find(|other| other.depth <= node.depth).is_some_and(|next| next.depth == node.depth);
        open.resize(node.depth, false);
        let bars: String = open.iter().skip(1).map(|open| if *open { "│  " } else { "   " }).collect();
        let branch = match (node.depth, goes_on) {
            (0, _) => "",
            (_, true) => "├─ ",
            (_, false) => "└─ ",
        };
        drawn.push((Some(node), format!("{bars}{branch}{}", node.operator)));
        let has_children = below.first().is_some_and(|next| next.depth > node.depth);
        let own = if node.depth == 0 {
            ""
        } else if goes_on {
            "│  "
        } else {
            "   "
        };
        let child = if has_children { "│  " } else { "   " };
        drawn.extend(node.details.iter().map(|detail| (None, format!("{bars}{own}{child}{detail}"))));
        open.push(goes_on);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "SortExec: a\n  DeviceExec: device=emulated, metrics=[x=1]\n      pipeline 1: scan\n    UnionExec\n      \
                        ScanExec: one\n      ScanExec: two, metrics=[rows=2]\n";

    const PLACEMENT: &str = "SortExec: a: host (sorting runs on the host)\nProjectionExec: p: device\nFilterExec: f: device\n\
                             UnionExec: movement\nScanExec: one: host (it is small (2 rows))\nScanExec: two: host (it is small (2 rows))\n";

    fn drawn(nodes: &[Node]) -> Vec<String> {
        let line = |(node, text): (Option<&Node>, String)| {
            let place = node.and_then(|node| node.place).map_or("", Place::name);
            format!("{place:<7}{text}")
        };
        lines(nodes).into_iter().map(line).collect()
    }

    #[test]
    fn a_plan_is_a_tree_with_places() {
        let mut nodes = nodes(PLAN);
        assert!(place(&mut nodes, PLACEMENT));
        assert_eq!(
            drawn(&nodes),
            [
                "host   SortExec: a",
                "       │  why: sorting runs on the host",
                "device └─ DeviceExec: device=emulated, metrics=[x=1]",
                "          │  runs ProjectionExec: p",
                "          │  runs FilterExec: f",
                "          │  pipeline 1: scan",
                "-         └─ UnionExec",
                "host         ├─ ScanExec: one",
                "             │     why: it is small (2 rows)",
                "host         └─ ScanExec: two, metrics=[rows=2]",
            ]
        );
    }

    #[test]
    fn places_of_another_plan_are_not_taken() {
        for other in ["", "SortExec: b: host (x)\n", &PLACEMENT.replace("UnionExec: movement\n", "")] {
            let mut nodes = nodes(PLAN);
            assert!(!place(&mut nodes, other) && nodes.iter().all(|node| node.place.is_none()), "{other}");
        }
    }
}
