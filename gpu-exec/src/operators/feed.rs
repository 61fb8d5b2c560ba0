//! Feeds: where the segments come from that a stage reads. A table that is on the device is a feed of one wave; of one that is
//! being loaded, segments are read as they come, and stay; one that does not fit comes wave by wave, and a wave is gone when the
//! next one is asked for.

use std::sync::Arc;

use crate::column::{DeviceTable, SegmentTable, TableShape};
use crate::device::{DeviceHandle, Stream};
use crate::error::{Error, Result};
use crate::strategy::{QueryPlan, Stage, StageSource};

/// Segments of one table, a wave at a time.
pub trait SegmentFeed: Send {
    /// The next segments that are on the device together; `None` at the end.
    ///
    /// # Errors
    /// What keeps them from being read or uploaded.
    fn next(&mut self) -> Result<Option<DeviceTable>>;

    /// From the first again.
    ///
    /// # Errors
    /// As for [`SegmentFeed::next`].
    fn rewind(&mut self) -> Result<()>;

    /// Whether its rows wait encoded on the host, so that to read them again is to upload them again; else most of them are
    /// decoded anew.
    fn is_kept(&self) -> bool;
}

/// A table whose segments stay on the device, and are read while others are still on their way. Nothing that was computed of
/// them leaves before all is settled.
pub trait ArrivingTable: Send {
    fn shape(&self) -> &TableShape;

    /// Device memory that it will take, in bytes.
    fn bytes(&self) -> u64;

    /// Columns that are relied on to hold no value twice.
    fn relies_on(&mut self, columns: Vec<usize>);

    /// As of [`SegmentFeed::next`].
    ///
    /// # Errors
    /// [`Error::Unsettled`] where it is not what was expected, or will not be there.
    fn next(&mut self) -> Result<Option<DeviceTable>>;

    /// From the first again.
    fn rewind(&mut self);

    /// All of it, once nothing can be otherwise any more.
    ///
    /// # Errors
    /// As for [`ArrivingTable::next`].
    fn whole(&mut self) -> Result<DeviceTable>;
}

/// A table that a plan reads.
pub enum Feed {
    Resident(DeviceTable),
    Arriving(Box<dyn ArrivingTable>),
    Waves(TableShape, Box<dyn SegmentFeed>),
    /// Waves that come once, and why.
    Once(TableShape, Box<dyn SegmentFeed>, String),
}

impl Feed {
    pub fn shape(&self) -> &TableShape {
        match self {
            Feed::Resident(table) => &table.shape,
            Feed::Arriving(table) => table.shape(),
            Feed::Waves(shape, _) | Feed::Once(shape, ..) => shape,
        }
    }

    /// Device memory that it takes as long as it is there, in bytes; waves go.
    pub fn resident_bytes(&self) -> u64 {
        let table = match self {
            Feed::Resident(table) => table,
            Feed::Arriving(table) => return table.bytes(),
            Feed::Waves(..) | Feed::Once(..) => return 0,
        };
        let columns = table.segments.iter().flat_map(|segment| &segment.columns);
        columns.map(|column| (column.data.len() + column.validity.as_ref().map_or(0, |valid| valid.len())) as u64).sum()
    }

    /// Whether it can be this host input of a plan. What comes once is read by one stage, and is no build: nobody knows how large
    /// that would be, and larger it would have to be read again.
    ///
    /// # Errors
    /// It cannot, and the host may do it.
    pub fn serves(&self, plan: &QueryPlan, input: usize) -> Result<()> {
        let Feed::Once(_, _, why) = self else { return Ok(()) };
        let reads = |stage: &&Stage| matches!(stage.source, StageSource::Input(number) if number == input);
        let stages: Vec<&Stage> = plan.stages.iter().filter(reads).collect();
        let is_read_again = stages.len() > 1 || stages.iter().any(|stage| stage.build.is_some());
        if is_read_again { Err(Error::Refused(why.clone())) } else { Ok(()) }
    }

    /// Says what the plan relies on, of this scan.
    pub fn relied_on(&mut self, plan: &QueryPlan, scan: usize) {
        if let Feed::Arriving(table) = self {
            let column =
                |(source, column): &(StageSource, usize)| (*source == StageSource::Scan(scan)).then_some(*column);
            table.relies_on(plan.distinct.iter().filter_map(column).collect());
        }
    }

    fn waves(&mut self) -> Option<&mut dyn SegmentFeed> {
        match self {
            Feed::Resident(_) | Feed::Arriving(_) => None,
            Feed::Waves(_, feed) | Feed::Once(_, feed, _) => Some(feed.as_mut()),
        }
    }
}

/// What it costs to read a table again, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Again {
    /// It is on the device.
    Free,
    Upload,
    /// Fetching and decoding it: many times what an upload costs.
    Decode,
}

/// A feed while a run reads it.
pub(super) struct Reading {
    feed: Feed,
    /// The wave that is on the device; of a resident table the only one.
    wave: Option<Wave>,
    /// Those before it of a table that stays on the device: launches over them may be on their way.
    passed: Vec<Wave>,
    /// A wave that came and could not be read for want of room.
    came: Option<DeviceTable>,
    /// Whether the only wave of a resident table was given.
    given: bool,
}

/// Segments, and the table by which a kernel finds them.
pub(super) struct Wave {
    pub(super) table: DeviceTable,
    pub(super) segments: Arc<SegmentTable>,
}

impl Reading {
    pub(super) fn new(feed: Feed) -> Self {
        Self { feed, wave: None, passed: vec![], came: None, given: false }
    }

    pub(super) fn into_feed(self) -> Feed {
        self.feed
    }

    /// Whether what was given is gone when more is asked for.
    pub(super) fn comes_in_waves(&self) -> bool {
        matches!(self.feed, Feed::Waves(..) | Feed::Once(..))
    }

    /// Waits until a table is whole that arrives.
    pub(super) fn settle(&mut self) -> Result<()> {
        if let Feed::Arriving(table) = &mut self.feed {
            self.feed = Feed::Resident(table.whole()?);
            self.passed.extend(self.wave.take());
        }
        Ok(())
    }

    /// What it costs to read it again.
    pub(super) fn again(&self) -> Again {
        match &self.feed {
            Feed::Resident(_) | Feed::Arriving(_) => Again::Free,
            Feed::Waves(_, feed) | Feed::Once(_, feed, _) if feed.is_kept() => Again::Upload,
            Feed::Waves(..) | Feed::Once(..) => Again::Decode,
        }
    }

    /// Whether it cannot be read again.
    pub(super) fn comes_once(&self) -> bool {
        matches!(self.feed, Feed::Once(..))
    }

    pub(super) fn wave(&self) -> Option<&Wave> {
        self.wave.as_ref()
    }

    /// Leaves to other runs how its segments are found. The stream has been waited for.
    pub(super) fn leave(&self) {
        if let (Feed::Resident(_), Some(wave)) = (&self.feed, &self.wave) {
            wave.table.leave_located(&wave.segments);
        }
    }

    pub(super) fn rewind(&mut self) -> Result<()> {
        self.given = false;
        if let Feed::Arriving(table) = &mut self.feed {
            table.rewind();
            self.came = None;
        }
        let Some(feed) = self.feed.waves() else { return Ok(()) };
        (self.wave, self.came) = (None, None);
        feed.rewind()
    }

    /// Goes on to the next wave; `false` at the end. Nothing may be in flight that reads the last one. Where there was no room,
    /// the same wave comes when it is asked again.
    pub(super) fn advance(&mut self, handle: &DeviceHandle, stream: &Stream) -> Result<bool> {
        let table = match &mut self.feed {
            Feed::Resident(_) if self.given => return Ok(false),
            Feed::Resident(_) if self.wave.is_some() => {
                self.given = true;
                return Ok(true);
            }
            Feed::Resident(table) => Some(table.clone()),
            Feed::Arriving(table) => {
                self.passed.extend(self.wave.take());
                stream.begin()?;
                match self.came.take() {
                    Some(came) => Some(came),
                    None => table.next()?,
                }
            }
            Feed::Waves(_, feed) | Feed::Once(_, feed, _) => {
                self.wave = None;
                match self.came.take() {
                    Some(came) => Some(came),
                    None => feed.next()?,
                }
            }
        };
        let Some(table) = table else { return Ok(false) };
        let segments =
            match table.located().map_or_else(|| SegmentTable::upload(handle, stream, &table).map(Arc::new), Ok) {
                Ok(segments) => segments,
                Err(error) => {
                    self.came = Some(table);
                    return Err(error.into());
                }
            };
        self.given = true;
        self.wave = Some(Wave { table, segments });
        Ok(true)
    }
}
