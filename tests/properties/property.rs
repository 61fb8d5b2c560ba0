//! A property: two statements that must have the same answer, with places for what is drawn at random. Not here: the tables of
//! properties (`partition`, `equivalence`, `relation`, `constant`), and what is drawn (`ingredients`).

use std::collections::BTreeMap;
use std::fmt;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::constant::CONSTANTS;
use crate::equivalence::{CONTEXTS, EQUIVALENCES, Of};
use crate::ingredients::Scope;
use crate::known;
use crate::partition::PARTITIONS;
use crate::relation::RELATIONS;
use crate::rewrite;
use crate::world::World;

/// Over which tables a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Whatever `{from}` is.
    Any,
    /// The table `t`.
    One,
    /// The tables `t` and `u`, joined by the property itself.
    Two,
}

#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) over: Over,
    pub(crate) left: &'static str,
    pub(crate) right: &'static str,
}

/// One property with its ingredients.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) name: String,
    left: String,
    right: String,
    pub(crate) ingredients: BTreeMap<String, String>,
}

/// Two statements, and what has to be run before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statements {
    pub(crate) setup: Option<String>,
    pub(crate) left: String,
    pub(crate) right: String,
}

/// How often a pair is drawn anew because of what is known.
const DRAWS_MAX: usize = 200;

impl Pair {
    /// A random pair without known faults. `is_simple`: with conditions that repeat from pair to pair.
    pub(crate) fn random(world: &World, is_simple: bool, random: &mut StdRng) -> Self {
        let mut pair = Self::any(world, is_simple, random);
        for _ in 0..DRAWS_MAX {
            if !known::is_in(&pair.name, &pair.statements(world)) {
                break;
            }
            pair = Self::any(world, is_simple, random);
        }
        pair
    }

    fn any(world: &World, is_simple: bool, random: &mut StdRng) -> Self {
        let (name, over, left, right) = match random.random_range(0..10) {
            0..=2 => template(PARTITIONS, random),
            3..=5 => equivalence(random),
            6..=7 => template(RELATIONS, random),
            _ => template(CONSTANTS, random),
        };
        let mut scope = Scope::random(world, over, is_simple, random);
        let mut ingredients = BTreeMap::new();
        for place in places(&left).chain(places(&right)) {
            let name = place.split(':').next().unwrap_or(place);
            if !ingredients.contains_key(name) {
                let drawn = scope.draw(name, random);
                ingredients.insert(name.to_owned(), drawn);
            }
        }
        Self { name, left, right, ingredients }
    }

    /// The two statements.
    pub(crate) fn statements(&self, world: &World) -> Statements {
        let mut lifted = rewrite::Lifted::default();
        let mut fill = |template: &str| {
            let mut text = String::new();
            let mut rest = template;
            while let Some((before, after)) = rest.split_once('{') {
                let (place, behind) = after.split_once('}').unwrap_or((after, ""));
                text.push_str(before);
                let (name, change) = place.split_once(':').unwrap_or((place, ""));
                let ingredient = self.ingredients.get(name).map_or("", String::as_str);
                text.push_str(&match change {
                    "constant" => rewrite::with_constants(ingredient, &world.one),
                    "lifted" => lifted.lift(ingredient),
                    _ => ingredient.to_owned(),
                });
                rest = behind;
            }
            text.push_str(rest);
            text
        };
        let (left, right) = (fill(&self.left), fill(&self.right));
        Statements { setup: lifted.statement(), left, right }
    }
}

fn template(all: &[Property], random: &mut StdRng) -> (String, Over, String, String) {
    let property = &all[random.random_range(0..all.len())];
    (property.name.to_owned(), property.over, property.left.to_owned(), property.right.to_owned())
}

/// An equivalence where it may stand.
fn equivalence(random: &mut StdRng) -> (String, Over, String, String) {
    let found = &EQUIVALENCES[random.random_range(0..EQUIVALENCES.len())];
    // What is the same with three values holds for the same rows as well.
    let fits = |of: Of| match found.of {
        Of::Condition => matches!(of, Of::Condition | Of::Truth),
        Of::Value => matches!(of, Of::Value | Of::Other),
        of_found => of == of_found,
    };
    let contexts: Vec<&str> = CONTEXTS.iter().filter(|(of, _)| fits(*of)).map(|(_, text)| *text).collect();
    let context = contexts.choose(random).copied().unwrap_or("SELECT {@} FROM {from}");
    let name = format!("{} and {}", found.left, found.right);
    (name, Over::Any, context.replace("{@}", found.left), context.replace("{@}", found.right))
}

/// The names in curly brackets.
fn places(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split('}').next())
}

impl fmt::Display for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(setup) = &self.setup {
            writeln!(f, "{setup};")?;
        }
        write!(f, "{};\n{};", self.left, self.right)
    }
}
