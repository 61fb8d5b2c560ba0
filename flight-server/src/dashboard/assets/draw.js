// What pages are drawn with. Texts become text nodes and nothing else, whatever is in them: there is no other way here to put one in.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (those of functions are listeners) and children, which are elements or texts. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function tag(word) {
  return el("span", { class: `tag ${/^[a-z]+$/.test(word) ? word : ""}` }, word);
}

/** Cards with a name and a value each: `set([[name, value], ...])`. */
export function cards() {
  const root = el("div", { class: "cards" });
  const known = new Map();
  const set = (values) => {
    for (const [name, value] of values) {
      if (!known.has(name)) {
        const shown = el("div", { class: "value" });
        known.set(name, shown);
        root.append(el("div", { class: "card" }, el("div", { class: "name" }, name), shown));
      }
      put(known.get(name), value);
    }
  };
  return { root, set };
}

/** Replaces what is in an element by a text or an element, where it is another than before. */
export function put(element, content) {
  if (content instanceof Node) {
    element.replaceChildren(content);
  } else if (element.textContent !== String(content) || element.firstElementChild) {
    element.textContent = String(content);
  }
}

/**
 * A table that is brought up to date row by row, so that what has the focus keeps it.
 * columns: { title, kind, of: (row, cell) => text or element or undefined (the cell was filled) }.
 */
export function table(columns, key, empty) {
  const body = el("tbody");
  const head = el("tr", {}, columns.map((column) => el("th", { scope: "col", class: column.kind }, column.title)));
  const none = el("p", { class: "soft" }, empty);
  const scroll = el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), body));
  const root = el("div", {}, scroll, none);
  const rows = new Map();
  const set = (items) => {
    const seen = new Set();
    let before = null;
    for (const item of items) {
      const name = key(item);
      seen.add(name);
      let row = rows.get(name);
      if (!row) {
        row = el("tr", {}, columns.map((column) => el("td", { class: column.kind })));
        rows.set(name, row);
      }
      columns.forEach((column, at) => {
        const content = column.of(item, row.children[at]);
        if (content !== undefined) put(row.children[at], content);
      });
      const place = before ? before.nextSibling : body.firstChild;
      if (place !== row) body.insertBefore(row, place);
      before = row;
    }
    for (const [name, row] of rows) {
      if (!seen.has(name)) {
        row.remove();
        rows.delete(name);
      }
    }
    none.hidden = items.length > 0;
    scroll.hidden = items.length === 0;
  };
  set([]);
  return { root, set };
}

/** A bar of a part of a whole. */
export function bar(part, whole, label) {
  const inner = el("div", { class: "bar" });
  inner.style.width = `${whole > 0 ? Math.min(100, (100 * part) / whole) : 0}%`;
  return el("div", { class: "track", role: "img", "aria-label": label }, inner);
}

/** A line over time: `set([{ at, value }], most)`. */
export function chart(label) {
  const line = filled(document.createElementNS(SVG, "polyline"), {}, []);
  const limit = filled(document.createElementNS(SVG, "line"), { x1: 0, x2: 100 }, []);
  const attributes = { class: "chart", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": label };
  const root = filled(document.createElementNS(SVG, "svg"), attributes, [limit, line]);
  const set = (points, most) => {
    const top = Math.max(most || 0, ...points.map((point) => point.value), 1) * 1.05;
    const [first, last] = [points[0]?.at ?? 0, points.at(-1)?.at ?? 1];
    const x = (at) => (last > first ? (100 * (at - first)) / (last - first) : 0);
    line.setAttribute("points", points.map(({ at, value }) => `${x(at)},${100 - (100 * value) / top}`).join(" "));
    const y = most ? 100 - (100 * most) / top : -10;
    limit.setAttribute("y1", y);
    limit.setAttribute("y2", y);
  };
  return { root, set };
}
