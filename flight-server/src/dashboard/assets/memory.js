// The memory page: what devices, queries and the process hold, now and since the page was opened.

import { cards, chart, el } from "./draw.js";
import { get } from "./server.js";
import { bytes } from "./words.js";

const KEPT = 600;

export function page() {
  const numbers = cards();
  const lines = el("div");
  const root = el("div", {}, numbers.root, lines);
  const known = new Map();

  const note = (name, value, most) => {
    if (value === null || value === undefined) return;
    if (!known.has(name)) {
      const line = chart(`${name} since this page was opened`);
      lines.append(el("h2", {}, name), line.root);
      known.set(name, { line, points: [] });
    }
    const { line, points } = known.get(name);
    points.push({ at: Date.now(), value });
    if (points.length > KEPT) points.shift();
    line.set(points, most);
  };

  const refresh = async () => {
    const now = await get("overview");
    numbers.set([
      ["Host memory of queries", bytes(now.host_bytes)],
      ["They may hold", now.host_limit_bytes === null ? "no limit" : bytes(now.host_limit_bytes)],
      ["Written to disk by the host", bytes(now.disk_bytes)],
      ["Memory of the process", bytes(now.process_bytes)],
    ]);
    for (const device of now.devices) note(`Device memory: ${device.name}`, device.used_bytes, device.budget_bytes);
    note("Host memory of queries", now.host_bytes, now.host_limit_bytes);
    note("Memory of the process", now.process_bytes);
  };
  return { title: "Memory", root, refresh };
}
