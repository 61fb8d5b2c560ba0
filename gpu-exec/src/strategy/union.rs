//! One dictionary with the entries of several that meet in a query, made once for them: it is theirs as long as they are there,
//! and so are the tables by which their codes become its codes (`lookup.rs`).

use std::sync::{Arc, Weak};

use crate::column::Dictionary;
use crate::error::{Error, Result};

/// Dictionaries of so few entries are compared by what they hold: those of constants are made anew for every run.
const FEW: usize = 16;

/// One of the dictionaries that meet.
enum Member {
    Few(Arc<Dictionary>),
    Same(Weak<Dictionary>),
}

impl Member {
    fn of(dictionary: &Arc<Dictionary>) -> Self {
        if dictionary.len() <= FEW { Self::Few(Arc::clone(dictionary)) } else { Self::Same(Arc::downgrade(dictionary)) }
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Few(one), Self::Few(other)) => one.values() == other.values(),
            (Self::Same(one), Self::Same(other)) => one.ptr_eq(other),
            _ => false,
        }
    }
}

/// Their union: one of them, which must not hold itself, or another.
enum Union {
    Member(usize),
    Made(Arc<Dictionary>),
}

/// The union of some dictionaries. It is kept with the largest of them.
pub(super) fn union(dictionaries: &[Arc<Dictionary>]) -> Result<Arc<Dictionary>> {
    let make = || Dictionary::union(dictionaries).map_err(|error| Error::Refused(error.to_string()));
    let Some(largest) = dictionaries.iter().max_by_key(|dictionary| dictionary.len()) else { return make() };
    if largest.len() <= FEW {
        return make();
    }
    let members: Vec<Member> = dictionaries.iter().map(Member::of).collect();
    let found = largest.derived().get_or_make(members, |_| {
        let union = make()?;
        let member = dictionaries.iter().position(|dictionary| Arc::ptr_eq(dictionary, &union));
        Ok::<_, Error>(member.map_or(Union::Made(union), Union::Member))
    })?;
    Ok(match &*found {
        Union::Member(member) => Arc::clone(&dictionaries[*member]),
        Union::Made(union) => Arc::clone(union),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use arrow::array::StringArray;

    use super::*;

    fn numbers(range: std::ops::Range<usize>) -> Arc<Dictionary> {
        Arc::new(Dictionary::from_sorted(StringArray::from_iter_values(range.map(|number| format!("{number:03}")))))
    }

    #[test]
    fn dictionaries_are_united_once_and_constants_by_what_they_say() {
        let all = numbers(0..100);
        let made = union(&[numbers(200..201), Arc::clone(&all)]).unwrap();
        assert_eq!(made.len(), 101);
        assert!(Arc::ptr_eq(&made, &union(&[numbers(200..201), Arc::clone(&all)]).unwrap()));
        assert!(!Arc::ptr_eq(&made, &union(&[numbers(201..202), Arc::clone(&all)]).unwrap()));
        assert!(!Arc::ptr_eq(&made, &union(&[numbers(200..201), numbers(0..100)]).unwrap()));
    }

    #[test]
    fn a_dictionary_does_not_hold_itself() {
        let all = numbers(0..100);
        assert!(Arc::ptr_eq(&all, &union(&[numbers(3..20), Arc::clone(&all)]).unwrap()));
        assert!(Arc::ptr_eq(&all, &union(&[Arc::clone(&all), numbers(3..5)]).unwrap()));
        assert_eq!(Arc::strong_count(&all), 1);
    }
}
