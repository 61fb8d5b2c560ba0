//! How files begin: what one claims of itself is held against it before room is made for it, or more of it is fetched.

use std::sync::Arc;

use maar_engine::ErrorKind;
use maar_engine::datafusion::arrow::array::{ArrayRef, Int64Array};
use maar_engine::datafusion::arrow::ipc::writer::StreamWriter;
use maar_engine::datafusion::arrow::record_batch::RecordBatch;
use maar_engine::device::DeviceKind;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::stores::Watched;
use crate::support::error;

#[tokio::test]
async fn beginnings_that_claim_too_much_cost_nothing() {
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Cpu, "counted://lake");
    let text = "some text, line by line\n".repeat(100_000).into_bytes();
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let rows = RecordBatch::try_from_iter([("n", values)]).unwrap();
    let mut columns = Vec::new();
    let mut writer = StreamWriter::try_new(&mut columns, &rows.schema()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    drop(writer);
    // The length that the description of a stream's columns claims, and what follows.
    let mut long = columns.clone();
    long[4..8].copy_from_slice(&0x7FFF_FFF0_u32.to_le_bytes());
    for (name, bytes) in [
        ("text.avro", text.clone()),
        ("text.arrow", text.clone()),
        ("text.arrows", text),
        ("long.arrows", long),
        ("names.avro", [&b"Obj\x01\x02\x02a\xFE\xFF\xFF\xFF\x0F"[..], &[b' '; 200_000][..]].concat()),
        ("feather.feather", [&b"FEA1"[..], &[0; 200_000][..]].concat()),
    ] {
        store.put(&Path::from(name), bytes.into()).await.unwrap();
        store.asked();
        let e = error(&session, &format!("select * from 'counted://lake/{name}'")).await;
        assert!(e.message().contains(name) && e.kind() != ErrorKind::Internal, "{name}: {e}");
        let asked = store.asked();
        assert!(asked.ranges + asked.tails <= 2, "{name}: {asked:?}");
    }
}
