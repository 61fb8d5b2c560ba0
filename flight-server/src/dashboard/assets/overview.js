// The device page: the server and its devices at a glance.

import { bar, cards, el, table } from "./draw.js";
import { get } from "./server.js";
import { bytes, count, percent, seconds } from "./words.js";

export function page() {
  const server = cards();
  const queries = cards();
  const devices = table([
    { title: "Device", of: (device) => device.name },
    { title: "In use", kind: "number", of: (device) => bytes(device.used_bytes) },
    { title: "Most so far", kind: "number", of: (device) => bytes(device.peak_bytes) },
    { title: "May use", kind: "number", of: (device) => bytes(device.budget_bytes) },
    { title: "Part", of: (device) => bar(device.used_bytes, device.budget_bytes, percent(device.used_bytes / device.budget_bytes)) },
  ], (device) => device.name, "No device is open: queries run on the host until one finds a device.");
  const root = el("div", {}, server.root, el("h2", {}, "Queries of all users"), queries.root,
    el("h2", {}, "Devices"), devices.root);
  const refresh = async () => {
    const now = await get("overview");
    server.set([
      ["Up for", seconds(now.uptime_seconds)],
      ["Sessions", count(now.sessions)],
      ["Memory of the process", bytes(now.process_bytes)],
      ["Rows sent or changed", count(now.rows)],
      ["Bytes sent", bytes(now.sent_bytes)],
    ]);
    queries.set([
      ["Running", count(now.states.running)],
      ["Waiting to run", count(now.states.queued)],
      ["Being planned", count(now.states.planning)],
      ["Not fetched yet", count(now.states.planned)],
      ["Finished", count(now.finished)],
      ["Failed", count(now.failed)],
      ["Cancelled", count(now.cancelled)],
      ["Refused a place", count(now.refused)],
    ]);
    devices.set(now.devices);
  };
  return { title: "Device", root, refresh };
}
