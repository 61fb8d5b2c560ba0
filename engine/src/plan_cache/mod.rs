//! Plans of statements that run again: planning takes longer than a GPU takes for the query.
//!
//! A plan is kept by the text of its statement, and used again only where a new one would come out the same:
//! - the [`surroundings`] are what they were: settings, functions, rules, and every table of the catalogs;
//! - the [`listings`] of its files give the same files in the same states;
//! - it is of a kind that may run again, and no part of it hangs on the time or on chance ([`repeatable`]).
//!
//! Who runs a plan takes it out, and puts it back when all of its rows have left ([`store`]): no two queries share the state
//! of an operator, and what failed, was dropped or went back to the host is planned anew.

mod listings;
mod repeatable;
mod store;
mod surroundings;

pub(crate) use listings::Listings;
pub(crate) use store::{Kept, Place, PlanCache, Planned};
