// The storage page: what queries that are over did with files and with the way to the device.

import { bar, cards, el, table } from "./draw.js";
import { get } from "./server.js";
import { bytes, count, milliseconds } from "./words.js";

const MEANING = {
  list: "Listing files",
  footer: "Reading the ends of files",
  fetch: "Reading columns",
  decode: "Decoding",
  upload: "Copying to the device",
  compile: "Compiling",
  kernel: "Kernels",
  download: "Copying from the device",
  wait: "Waiting for rows or readers",
};

export function page() {
  const numbers = cards();
  let longest = 0;
  const work = table([
    { title: "Work", of: (kind) => MEANING[kind.work] || kind.work },
    { title: "Times", kind: "number", of: (kind) => count(kind.spans) },
    { title: "Bytes", kind: "number", of: (kind) => (kind.bytes ? bytes(kind.bytes) : "-") },
    { title: "Busy", kind: "number", of: (kind) => milliseconds(kind.busy_ms) },
    { title: "Rate", kind: "number", of: (kind) => (kind.bytes && kind.busy_ms > 0 ? `${bytes((1000 * kind.bytes) / kind.busy_ms)}/s` : "-") },
    { title: "", of: (kind) => bar(kind.busy_ms, longest, milliseconds(kind.busy_ms)) },
  ], (kind) => kind.work, "No query has read anything yet.");
  const note = el("p", { class: "soft" },
    "Summed over all queries that are over. Of what the host's operators read, listings and footers are counted.");
  const root = el("div", {}, numbers.root, el("h2", {}, "Work since the server started"), work.root, note);
  const refresh = async () => {
    const now = await get("overview");
    const of = (name) => now.work.find((kind) => kind.work === name);
    numbers.set([
      ["Columns read", bytes(of("fetch")?.bytes ?? 0)],
      ["Decoded", bytes(of("decode")?.bytes ?? 0)],
      ["Copied to the device", bytes(of("upload")?.bytes ?? 0)],
      ["On disk for want of memory", bytes(now.disk_bytes)],
    ]);
    longest = Math.max(0, ...now.work.map((kind) => kind.busy_ms));
    work.set(now.work);
  };
  return { title: "Storage", root, refresh };
}
