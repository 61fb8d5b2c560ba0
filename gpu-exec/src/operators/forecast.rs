//! How many rows the next tiles of the last stage will put out: so many tiles one launch covers, and for so many rows it
//! makes room. What is known is a bound, what was seen of the tiles before, and what the last run of the plan came to.
//!
//! A forecast decides what a result costs, never what it is: a launch counts its rows, and one that had too little room is
//! done again before any of them has left. Not here: the launch (`emission.rs`).

use super::emit::WHOLE_BYTES;
use crate::column::TILE_ROWS;

/// Tiles that a launch covers of which nothing is known.
const TILES_UNKNOWN: u64 = (4 << 20) / TILE_ROWS as u64;
/// Bytes of a result that are in memory at a time, where more can be done in several launches; of one that is sorted, as what
/// several launches put out is to be merged.
const RESULT_BYTES: u64 = 128 << 20;
const SORTED_BYTES: u64 = 1 << 30;
/// Rows of which there may be more than a forecast says, however few it says.
const SPARE_ROWS: u64 = 64;
/// A launch covers at most so many times the tiles that were seen: what follows may be of another kind.
const GROWTH: u64 = 16;

/// Tiles that were covered, and the rows that came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) tiles: u64,
    pub(super) rows: u64,
}

/// What the next launch is to cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// Tiles that are left, and the rows of the source in them at most.
    pub(super) tiles: u64,
    pub(super) rows_in: u64,
    /// Whether a row of the source may put out several.
    pub(super) multiplies: bool,
    /// Bytes of a row that is put out.
    pub(super) row_bytes: u64,
    /// Rows that are still wanted, where not all are.
    pub(super) wanted: Option<u64>,
    pub(super) is_sorted: bool,
}

/// A launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) tiles: u64,
    pub(super) rows: u64,
    /// Rows that there will be, as the last run had them.
    pub(super) expected: u64,
}

/// What is known of the last stage's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Forecast {
    /// Of the last run, and of this one.
    pub(super) last: Option<Seen>,
    pub(super) seen: Seen,
}

impl Seen {
    pub(super) fn add(&mut self, tiles: u64, rows: u64) {
        (self.tiles, self.rows) = (self.tiles + tiles, self.rows + rows);
    }

    /// Rows of so many tiles that are like these.
    fn rows_of(self, tiles: u64) -> u64 {
        let rows = u128::from(self.rows) * u128::from(tiles) / u128::from(self.tiles.max(1));
        u64::try_from(rows).unwrap_or(u64::MAX)
    }
}

/// Room for what was forecast from other tiles.
fn with_spare(rows: u64) -> u64 {
    rows.saturating_add(rows / 4 + SPARE_ROWS)
}

impl Ahead {
    /// Rows of some tiles at most; where rows may multiply, what is made room for at first.
    pub(super) fn bound(&self, tiles: u64) -> u64 {
        let rows = tiles.saturating_mul(TILE_ROWS as u64).min(self.rows_in).max(1);
        if self.multiplies { rows.saturating_mul(2) } else { rows }
    }

    /// The launch over some tiles again, which had no room for their `rows` rows: with room for all of them, or over fewer
    /// tiles where that is more than results may take.
    pub(super) fn exactly(&self, tiles: u64, rows: u64, result_bytes: u64) -> Room {
        let bytes = self.bytes_max(result_bytes);
        let fewer = u128::from(tiles) * u128::from(bytes) / u128::from(self.bytes(rows).max(1));
        match u64::try_from(fewer).unwrap_or(tiles).max(1) {
            fewer if fewer >= tiles => self.room(tiles, rows),
            fewer => self.room(fewer, with_spare(Seen { tiles, rows }.rows_of(fewer))),
        }
    }

    /// Bytes of a result that one launch may put out.
    fn bytes_max(&self, result_bytes: u64) -> u64 {
        result_bytes.min(if self.is_sorted { SORTED_BYTES } else { RESULT_BYTES })
    }

    fn bytes(&self, rows: u64) -> u64 {
        rows.saturating_mul(self.row_bytes)
    }

    /// Room for so many rows of some tiles, no more than there can be.
    pub(super) fn room(&self, tiles: u64, rows: u64) -> Room {
        let rows = if self.multiplies { rows } else { rows.min(self.bound(tiles)) };
        Room { tiles, rows: rows.max(1), expected: 0 }
    }
}

impl Forecast {
    /// The next launch. `result_bytes` is what the device has for results.
    pub(super) fn next(&self, ahead: &Ahead, result_bytes: u64) -> Room {
        let whole = ahead.bound(ahead.tiles);
        if ahead.wanted.is_none() && !ahead.multiplies && ahead.bytes(whole) <= WHOLE_BYTES {
            return ahead.room(ahead.tiles, whole);
        }
        match (self.last, self.seen) {
            (Some(last), seen) if seen.tiles == 0 && last.tiles > 0 => {
                let room = Self::fitting(ahead, result_bytes, ahead.tiles, |tiles| {
                    let rows = last.rows_of(tiles);
                    // The same tiles again have the same rows, but for what floats make of a predicate.
                    if tiles == last.tiles { rows.saturating_add(rows / 64 + SPARE_ROWS) } else { with_spare(rows) }
                });
                Room { expected: last.rows_of(room.tiles).min(room.rows), ..room }
            }
            (_, seen) if seen.tiles > 0 => {
                let most = seen.tiles.saturating_mul(GROWTH).max(TILES_UNKNOWN);
                Self::fitting(ahead, result_bytes, most, |tiles| with_spare(seen.rows_of(tiles)))
            }
            _ => {
                let tiles = ahead.tiles.min(TILES_UNKNOWN);
                ahead.room(tiles, ahead.bound(tiles))
            }
        }
    }

    /// As many tiles as have results of so many bytes, or are wanted; one at least.
    fn fitting(ahead: &Ahead, result_bytes: u64, most: u64, rows: impl Fn(u64) -> u64) -> Room {
        let bytes = ahead.bytes_max(result_bytes);
        let mut tiles = ahead.tiles.min(most).max(1);
        if let Some(wanted) = ahead.wanted {
            // Twice what is wanted, that one launch is enough; few tiles are too little for a device.
            while tiles > TILES_UNKNOWN && rows(tiles / 2) > wanted.saturating_mul(2) {
                tiles /= 2;
            }
        }
        while tiles > 1 && ahead.bytes(rows(tiles)) > bytes {
            tiles = tiles.div_ceil(2);
        }
        ahead.room(tiles, rows(tiles))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: u64 = 1 << 40;

    fn ahead(tiles: u64) -> Ahead {
        let rows_in = tiles * TILE_ROWS as u64;
        Ahead { tiles, rows_in, multiplies: false, row_bytes: 32, wanted: None, is_sorted: false }
    }

    #[test]
    fn a_small_bound_is_one_launch() {
        let room = Forecast::default().next(&Ahead { rows_in: 7, ..ahead(1) }, MANY);
        assert_eq!((room.tiles, room.rows), (1, 7));
        assert_eq!(Forecast::default().next(&ahead(8), MANY), Room { tiles: 8, rows: 8 * 2048, expected: 0 });
    }

    #[test]
    fn what_is_unknown_is_tried_on_some_tiles_and_the_rest_like_them() {
        let mut forecast = Forecast::default();
        let ahead = |tiles| ahead(tiles);
        assert_eq!(forecast.next(&ahead(100_000), MANY).tiles, TILES_UNKNOWN);
        forecast.seen.add(TILES_UNKNOWN, 1000);
        let room = forecast.next(&ahead(100_000), MANY);
        assert_eq!(room.tiles, TILES_UNKNOWN * GROWTH);
        assert!(room.rows >= 1000 * GROWTH && room.rows < 2000 * GROWTH);
        // A row from each row of the source: several launches.
        forecast.seen = Seen { tiles: TILES_UNKNOWN, rows: TILES_UNKNOWN * TILE_ROWS as u64 };
        let room = forecast.next(&ahead(100_000), MANY);
        assert!(room.tiles < 10_000 && room.rows * 32 <= RESULT_BYTES);
        assert!(forecast.next(&ahead(100_000), 1 << 20).rows * 32 <= 1 << 20);
    }

    #[test]
    fn a_result_seen_before_is_one_launch_with_little_room_to_spare() {
        let last = Seen { tiles: 100_000, rows: 11_620 };
        let forecast = Forecast { last: Some(last), seen: Seen::default() };
        let room = forecast.next(&ahead(100_000), MANY);
        assert_eq!((room.tiles, room.expected), (100_000, 11_620));
        assert!((11_620..12_000).contains(&room.rows));
        // More room than there can be rows is not made.
        let forecast = Forecast { last: Some(Seen { tiles: 1000, rows: 1000 * 2048 }), seen: Seen::default() };
        assert_eq!(forecast.next(&ahead(1000), MANY).rows, 1000 * 2048);
    }

    #[test]
    fn some_wanted_rows_are_no_reason_to_read_all() {
        let forecast = Forecast { last: None, seen: Seen { tiles: TILES_UNKNOWN, rows: TILES_UNKNOWN * 10 } };
        let room = forecast.next(&Ahead { wanted: Some(100_000), ..ahead(100_000) }, MANY);
        assert!(room.tiles >= 10_000 && room.tiles <= 25_000, "{room:?}");
    }

    #[test]
    fn what_was_short_is_done_again_with_exact_room_or_in_pieces() {
        let ahead = ahead(100_000);
        assert_eq!(ahead.exactly(100_000, 5000, MANY), Room { tiles: 100_000, rows: 5000, expected: 0 });
        let room = ahead.exactly(100_000, 100_000 * 2048, MANY);
        assert!(room.tiles < 10_000 && room.tiles > 100);
        assert_eq!(ahead.exactly(1, 1 << 30, 1).tiles, 1);
    }
}
