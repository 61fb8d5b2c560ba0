//! Work done side by side, with results in the order of asking; how many cores there are for that and the like.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::{DeviceResult, KernelRequest};

/// Compilers at work at once for one call: each takes a few hundred MB.
const COMPILERS_MAX: usize = 8;

/// Cores of this process. Asked once: the system takes longer to answer than a small copy takes.
pub(crate) fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
    *CORES
}

/// `compile` of every request, on as many threads as there are cores, up to [`COMPILERS_MAX`].
pub(crate) fn map<T: Send>(
    requests: &[KernelRequest],
    compile: impl Fn(&KernelRequest) -> DeviceResult<T> + Sync,
) -> Vec<DeviceResult<T>> {
    side_by_side(requests, COMPILERS_MAX, compile)
}

/// `work` of every item, in their order, on as many threads as there are cores, up to `most`. A panic of it is passed on.
pub(crate) fn side_by_side<I: Sync, T: Send>(items: &[I], most: usize, work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let workers = items.len().min(cores()).min(most);
    if workers <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, item)) = claim(&next, items) {
                    let result = work(item);
                    results.lock().push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner();
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn claim<'a, I>(next: &AtomicUsize, items: &'a [I]) -> Option<(usize, &'a I)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).map(|item| (index, item))
}
