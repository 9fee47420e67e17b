//! Panics of ours and of the libraries: written to standard error, or caught and returned as a sentence.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::atomic::{AtomicBool, Ordering};

use super::say::say;

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on a panic prints one line of ours. The hook of the standard library would print three.
pub(super) fn tell() {
    set_hook(Box::new(|panic| {
        if !QUIET.load(Ordering::SeqCst) {
            let thread = std::thread::current();
            say(&format!("thread '{}' panicked: {panic}", thread.name().unwrap_or("unnamed")));
        }
    }));
}

/// Runs code that may panic in a library, without the panic's text on standard error.
pub(super) fn caught<T>(what: impl FnOnce() -> T) -> Result<T, String> {
    QUIET.store(true, Ordering::SeqCst);
    let result = catch_unwind(AssertUnwindSafe(what));
    QUIET.store(false, Ordering::SeqCst);
    result.map_err(|payload| words_of(&*payload))
}

/// The text of a panic.
pub(super) fn words_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}
