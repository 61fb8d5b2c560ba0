//! Many clients at once on one server, some of which vanish in the middle of their rows: no row is wrong, and what they held comes
//! back. For MAAR_SOAK_SECONDS, or a short time; `cargo xtask soak --minutes N` says so and shows what was measured.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod clients;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clients::{Client, Facts, Tally};
use server::{Held, Server};
use tokio::runtime::Runtime;

const CLIENTS: u64 = 64;

/// How long it goes on where nobody says.
const SECONDS: u64 = 20;

/// Handles and threads that may have come since: a server keeps some lanes for the next statement.
const KEPT: u64 = 48;

/// Memory that an allocator may keep, beside a quarter of what there was.
const ALLOCATOR_BYTES: u64 = 256 << 20;

/// Runs all clients for a time, or through each kind of work once; what they tell.
fn run(runtime: &Runtime, server: &Server, facts: &Arc<Facts>, time: Option<Duration>) -> Tally {
    let until = time.map(|time| Instant::now() + time);
    let client = |number| Client::new(number, server.address().to_owned(), Arc::clone(facts)).work(until);
    let clients: Vec<_> = (0..CLIENTS).map(|number| runtime.spawn(client(number))).collect();
    runtime.block_on(async {
        let mut all = Tally::default();
        for client in clients {
            all.add(client.await.unwrap());
        }
        all
    })
}

#[test]
fn no_row_is_wrong_and_everything_comes_back() {
    let seconds = std::env::var("MAAR_SOAK_SECONDS").ok().map_or(SECONDS, |text| text.parse().unwrap());
    let server = Server::start();
    let facts = Arc::new(Facts::default());
    let runtime = Runtime::new().unwrap();
    // What a server has once it has done everything: threads, caches, the allocator's own.
    run(&runtime, &server, &facts, None);
    let before = server.quiet();
    let tally = run(&runtime, &server, &facts, Some(Duration::from_secs(seconds)));
    let after = server.quiet();
    println!("{}\nbefore {before:?}\nafter  {after:?}", tally.told());
    assert_eq!(tally.wrong, Vec::<String>::new());
    assert!(tally.vanished > 0 && tally.points.len() as u64 >= CLIENTS, "{}", tally.told());
    let Held { handles, threads, resident, reserved } = after;
    assert!(handles <= before.handles + KEPT, "handles: {before:?}, {after:?}");
    assert!(threads <= before.threads + KEPT, "threads: {before:?}, {after:?}");
    assert!(resident <= before.resident + before.resident / 4 + ALLOCATOR_BYTES, "memory: {before:?}, {after:?}");
    assert_eq!(reserved, before.reserved, "memory of queries");
}
