// The queries page: those that go on, and those that are over.

import { el, table, tag } from "./draw.js";
import { get, post } from "./server.js";
import { bytes, count, moment, percent, seconds } from "./words.js";

const OVER = ["finished", "failed", "cancelled"];

export const isOver = (query) => OVER.includes(query.state);

/** A bar of how far a query is, or a word where nobody can tell. */
export function progressOf(query, cell) {
  if (query.progress === null) return isOver(query) ? "-" : "not known";
  let shown = cell?.querySelector("progress");
  if (!shown) {
    shown = el("progress", { max: 1, "aria-label": "progress" });
    const words = el("span", { class: "soft" });
    cell?.replaceChildren(shown, " ", words);
  }
  shown.value = query.progress;
  shown.nextElementSibling.textContent = percent(query.progress);
  return undefined;
}

export function cancelButton(id) {
  const press = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      await post(`queries/${encodeURIComponent(id)}/cancel`);
      button.textContent = "Cancelling";
    } catch (error) {
      button.disabled = false;
      button.textContent = error.message;
    }
  };
  return el("button", { type: "button", class: "danger", click: press }, "Cancel");
}

const link = (query, cell) => (cell.firstChild ? undefined
  : el("a", { href: `#/queries/${encodeURIComponent(query.query_id)}` }, query.query_id));

const COMMON = [
  { title: "Query", of: link },
  { title: "State", of: (query) => tag(query.state) },
  { title: "User", of: (query) => query.user ?? "-" },
  { title: "Statement", kind: "sql", of: (query) => query.query },
  { title: "Time", kind: "number", of: (query) => seconds(query.elapsed_seconds) },
  { title: "Rows", kind: "number", of: (query) => count(query.rows) },
  { title: "Sent", kind: "number", of: (query) => bytes(query.bytes) },
];

export function page() {
  const key = (query) => query.query_id;
  const live = table([
    ...COMMON,
    { title: "Progress", of: progressOf },
    { title: "", of: (query, cell) => (cell.firstChild ? undefined : cancelButton(query.query_id)) },
  ], key, "Nothing runs.");
  const past = table([
    ...COMMON,
    { title: "On", of: (query) => query.device ?? "-" },
    { title: "Began", of: (query) => moment(query.started) },
    { title: "Error", of: (query) => query.error ?? "" },
  ], key, "None yet.");
  const filter = el("input", { type: "search", placeholder: "Text of statement, user or state", "aria-label": "Filter" });
  const root = el("div", {}, el("h2", {}, "Running"), live.root,
    el("div", { class: "row" }, el("h2", {}, "Ended"), filter), past.root);
  let last = [];
  const draw = () => {
    const words = filter.value.toLowerCase();
    const fits = (query) => [query.query, query.user ?? "", query.state, query.query_id].some((text) => text.toLowerCase().includes(words));
    live.set(last.filter((query) => !isOver(query)));
    past.set(last.filter((query) => isOver(query) && fits(query)).reverse().slice(0, 200));
  };
  filter.addEventListener("input", draw);
  const refresh = async () => {
    last = await get("queries");
    draw();
  };
  return { title: "Queries", root, refresh };
}
