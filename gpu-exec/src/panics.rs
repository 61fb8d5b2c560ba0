//! Panics of other people's parsers, caught: what they say goes into an error, not onto the process's stderr.
//!
//! Not for our own control flow. The process has one panic hook; ours stands before the one it finds and passes on every
//! panic that is not about to be caught here. With `RUST_BACKTRACE` set nothing is kept quiet.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// How many calls of [`caught`] this thread is inside of.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
    /// Where the last panic that was kept quiet came from.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught. Shows itself as its message, and its place in the source where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    message: String,
    place: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.place {
            Some(place) => write!(f, " (at {place})"),
            None => Ok(()),
        }
    }
}

/// Calls `f`; its panic is an error, and quiet.
///
/// # Errors
/// With the message and the place of the panic.
pub fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    stand_before_the_hook();
    let inside = Inside::enter();
    let outcome = catch_unwind(AssertUnwindSafe(f));
    drop(inside);
    outcome.map_err(|payload| Panic {
        message: text(payload.as_ref()).unwrap_or("a panic without a message").to_owned(),
        place: PLACE.with_borrow_mut(Option::take),
    })
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Counts [`CATCHING`] up, and down again when it goes.
struct Inside;

impl Inside {
    fn enter() -> Self {
        CATCHING.set(CATCHING.get() + 1);
        PLACE.set(None);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CATCHING.set(CATCHING.get().saturating_sub(1));
    }
}

fn stand_before_the_hook() {
    static ONCE: Once = Once::new();
    // A panicking thread may not change the hook; the next call will.
    if ONCE.is_completed() || std::thread::panicking() {
        return;
    }
    ONCE.call_once(|| {
        let is_loud = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if CATCHING.get() == 0 {
                return before(panic);
            }
            PLACE.set(panic.location().map(ToString::to_string));
            if is_loud {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_where() {
        let panic = caught(|| -> u32 { panic!("broken {}", 7) }).err().map(|panic| panic.to_string());
        let shown = panic.unwrap_or_default();
        assert!(shown.starts_with("broken 7 (at ") && shown.contains("panics.rs:"), "{shown}");
        assert_eq!(caught(|| 3), Ok(3));
    }

    #[test]
    fn a_place_is_not_kept_for_the_next_panic() {
        assert!(caught(|| -> u32 { panic!("first") }).is_err());
        // Calls no hook, so no place is known.
        let resumed = caught(|| -> u32 { std::panic::resume_unwind(Box::new("second")) });
        assert_eq!(resumed, Err(Panic { message: "second".into(), place: None }));
    }

    #[test]
    fn a_call_inside_another_is_counted() {
        let outer = caught(|| {
            let inner = caught(|| -> u32 { panic!("inner") });
            (inner.is_err(), CATCHING.get())
        });
        assert_eq!((outer, CATCHING.get()), (Ok((true, 1)), 0));
    }
}
