//! Makes a failing pair small: smaller expressions, fewer columns, one table, for as long as it still fails.

use std::collections::BTreeMap;

use crate::property::Pair;
use crate::rewrite;
use crate::run::{Difference, Runner};
use crate::world::World;

/// So many pairs are tried.
const TRIES_MAX: usize = 250;

/// The smallest pair found that still fails, and how.
pub(crate) async fn shrink(mut pair: Pair, mut why: Difference, world: &World, runner: &Runner) -> (Pair, Difference) {
    let mut tries = 0;
    'smaller: loop {
        for candidate in candidates(&pair) {
            tries += 1;
            if tries > TRIES_MAX {
                return (pair, why);
            }
            if let Err(still) = runner.compare(&candidate.statements(world), world).await
                && still.is_like(&why)
            {
                (pair, why) = (candidate, still);
                continue 'smaller;
            }
        }
        return (pair, why);
    }
}

fn candidates(pair: &Pair) -> Vec<Pair> {
    let mut all = Vec::new();
    for (name, text) in &pair.ingredients {
        let smaller = match name.as_str() {
            "c" => fewer(text),
            "from" if text != "t" => vec!["t".to_owned()],
            "from" | "x" | "y" | "outer" => Vec::new(),
            _ => rewrite::smaller(text),
        };
        for text in smaller {
            let mut ingredients: BTreeMap<String, String> = pair.ingredients.clone();
            ingredients.insert(name.clone(), text);
            let mut smaller = pair.clone();
            smaller.ingredients = ingredients;
            all.push(smaller);
        }
    }
    all
}

/// The columns, with one less.
fn fewer(columns: &str) -> Vec<String> {
    let names: Vec<&str> = columns.split(", ").collect();
    if names.len() == 1 {
        return Vec::new();
    }
    let without = |at: usize| {
        let left = names.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, name)| *name);
        left.collect::<Vec<_>>().join(", ")
    };
    (0..names.len()).map(without).collect()
}
