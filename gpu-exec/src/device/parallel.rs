//! Compiling several requests at once, in order of asking; how many cores there are for that and the like.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::{DeviceError, DeviceResult, KernelRequest};

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
    let workers = requests.len().min(cores()).min(COMPILERS_MAX);
    if workers <= 1 {
        return requests.iter().map(compile).collect();
    }
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<DeviceResult<T>>>> = Mutex::new(requests.iter().map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, request)) = claim(&next, requests) {
                    let result = compile(request);
                    if let Some(place) = results.lock().get_mut(index) {
                        *place = Some(result);
                    }
                }
            });
        }
    });
    let lost = || Err(DeviceError::fault("compile", "a compiling thread ended without a result"));
    results.into_inner().into_iter().map(|result| result.unwrap_or_else(lost)).collect()
}

fn claim<'a>(next: &AtomicUsize, requests: &'a [KernelRequest]) -> Option<(usize, &'a KernelRequest)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    requests.get(index).map(|request| (index, request))
}
