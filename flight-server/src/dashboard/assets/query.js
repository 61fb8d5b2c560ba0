// The page of one query: its statement, its plan with what each operator did and where, and what it was busy with.

import { bar, cards, el, put, table, tag } from "./draw.js";
import { get } from "./server.js";
import { cancelButton, isOver, progressOf } from "./queries.js";
import { bytes, count, milliseconds, moment, seconds } from "./words.js";

const WORK = ["list", "footer", "fetch", "decode", "upload", "compile", "kernel", "download", "wait"];

/** An operator, what it stands for, and why it is not the device's. */
function operator(node, cell) {
  if (cell.firstChild) return undefined;
  cell.style.paddingLeft = `${0.7 + 1.2 * node.depth}rem`;
  cell.append(el("div", { class: "operator" }, node.operator));
  for (const inside of node.stands_for) cell.append(el("div", { class: "inside operator" }, `runs ${inside}`));
  if (node.reason) cell.append(el("div", { class: "reason" }, `on the host: ${node.reason}`));
  for (const pipeline of node.pipelines) {
    const text = `${pipeline.name}: ${count(pipeline.rows_in)} rows, ${bytes(pipeline.bytes)}, ${milliseconds(pipeline.kernel_ms)}, floor ${milliseconds(pipeline.floor_ms)}`;
    cell.append(el("div", { class: "inside" }, text));
  }
  return undefined;
}

function planTable() {
  let longest = 0;
  const plan = table([
    { title: "Operator", of: operator },
    { title: "Place", of: (node) => tag(node.place) },
    { title: "Rows", kind: "number", of: (node) => count(node.rows) },
    { title: "Bytes", kind: "number", of: (node) => (node.bytes ? bytes(node.bytes) : "-") },
    { title: "Spilled", kind: "number", of: (node) => (node.spilled_bytes ? bytes(node.spilled_bytes) : "-") },
    { title: "Time", kind: "number", of: (node) => milliseconds(node.ms) },
    { title: "Floor", kind: "number", of: (node) => milliseconds(node.floor_ms) },
    { title: "", of: (node) => bar(node.ms ?? 0, longest, milliseconds(node.ms)) },
  ], (node) => node.key, "The engine has nothing to say of it: it has not run, or changes something.");
  const set = (nodes) => {
    longest = Math.max(0, ...nodes.map((node) => node.ms ?? 0));
    // What an operator says of its pipelines grows: another key draws it anew.
    plan.set(nodes.map((node, at) => ({ ...node, key: `${at} ${node.operator} ${node.place} ${JSON.stringify(node.pipelines)}` })));
  };
  return { root: plan.root, set };
}

function timelineTable() {
  let elapsed = 0;
  const lines = table([
    { title: "Work", of: (kind) => kind.work },
    { title: "Busy", kind: "number", of: (kind) => (kind.busy_ms === null ? "-" : milliseconds(kind.busy_ms)) },
    { title: "Bytes", kind: "number", of: (kind) => (kind.bytes ? bytes(kind.bytes) : "-") },
    { title: "Part of the query's time", of: (kind) => bar(kind.busy_ms ?? 0, elapsed, milliseconds(kind.busy_ms)) },
  ], (kind) => kind.work, "Nothing is known yet.");
  const set = (timeline, spilled) => {
    elapsed = timeline.elapsed_ms;
    const known = WORK.map((name) => timeline.work.find((kind) => kind.work === name)).filter(Boolean);
    lines.set([...known, { work: "spill", busy_ms: null, bytes: spilled }]);
  };
  return { root: lines.root, set };
}

export function page(id) {
  const head = el("div", { class: "row" });
  const [state, progress, button] = [el("span"), el("span"), cancelButton(id)];
  head.append(state, progress, button);
  const [facts, statement, error] = [cards(), el("pre"), el("p", { class: "failed" })];
  const [plan, timeline, note] = [planTable(), timelineTable(), el("p", { class: "soft" })];
  const root = el("div", {}, head, el("h2", {}, "Statement"), statement, error, facts.root,
    el("h2", {}, "Plan"), plan.root, el("h2", {}, "Timeline"), timeline.root, note);

  const refresh = async () => {
    const { query: [query], details } = await get(`queries/${encodeURIComponent(id)}`);
    put(state, tag(query.state));
    const words = progressOf(query, progress);
    if (words !== undefined) put(progress, words);
    button.hidden = isOver(query);
    put(statement, query.query);
    put(error, query.error ?? "");
    facts.set([
      ["User", query.user ?? "-"],
      ["Began", moment(query.started)],
      ["Time", seconds(query.elapsed_seconds)],
      ["Planning", seconds(query.planning_seconds)],
      ["Waited to run", seconds(query.queued_seconds)],
      ["Ran", seconds(query.running_seconds)],
      ["Rows", count(query.rows)],
      ["Bytes sent", bytes(query.bytes)],
      ["Ran on", details?.device ?? query.device ?? "-"],
      ["Trace", query.trace_id ?? "-"],
      ["Most device memory meanwhile", bytes(details?.memory.device_bytes)],
    ]);
    const nodes = details?.nodes ?? [];
    plan.set(nodes);
    if (!details) return;
    timeline.set(details.timeline, nodes.reduce((sum, node) => sum + node.spilled_bytes, 0));
    const parts = [`Two kinds of work at once for ${milliseconds(details.timeline.overlap_ms)}.`];
    if (details.plan_from_cache) parts.push("The plan was kept from an earlier run.");
    if (details.waited_ms > 0) parts.push(`Waited ${milliseconds(details.waited_ms)} for memory of other queries.`);
    if (details.nodes_left_out > 0) parts.push(`${details.nodes_left_out} operators are left out.`);
    put(note, parts.join(" "));
  };
  return { title: `Query ${id}`, root, refresh };
}
