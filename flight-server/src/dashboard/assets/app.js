// The frame of the pages: which one is shown, how often it asks, and the login. Each page is a module with `page(parameters)`, which gives
// { title, root, refresh }.

import { el, put } from "./draw.js";
import { LoginNeeded, get, logIn, logOut, showToken } from "./server.js";
import * as overview from "./overview.js";
import * as queries from "./queries.js";
import * as query from "./query.js";
import * as memory from "./memory.js";
import * as sessions from "./sessions.js";
import * as storage from "./storage.js";

const PAGES = [
  { path: "", name: "Device", module: overview },
  { path: "queries", name: "Queries", module: queries },
  { path: "memory", name: "Memory", module: memory },
  { path: "storage", name: "Storage", module: storage },
  { path: "sessions", name: "Sessions", module: sessions },
];
const PAUSE = 1000;

const byId = (id) => document.getElementById(id);
let shown = null;
let turn = 0;

function draw() {
  const [path, id] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const known = PAGES.find((page) => page.path === path) || PAGES[0];
  const links = PAGES.map((page) =>
    el("a", { href: `#/${page.path}`, "aria-current": page === known ? "page" : null }, page.name));
  byId("nav").replaceChildren(...links);
  shown = path === "queries" && id ? query.page(id) : known.module.page();
  document.title = `${shown.title} - Maar`;
  byId("page").replaceChildren(el("h1", {}, shown.title), shown.root);
  ask();
}

/** Asks for what the page shows, again and again; a later call ends the earlier ones. */
async function ask() {
  const own = ++turn;
  while (own === turn) {
    try {
      await Promise.all([shown.refresh(), greet()]);
      trouble("");
    } catch (error) {
      if (own !== turn) return;
      if (error instanceof LoginNeeded) return login();
      trouble(error.message);
    }
    await new Promise((done) => setTimeout(done, document.hidden ? 5 * PAUSE : PAUSE));
  }
}

async function greet() {
  const server = await get("overview");
  const name = server.user ? `${server.user} (${server.role})` : "no users";
  const sees = server.sees_all ? "" : ", sees own queries";
  put(byId("who"), `${name}${sees} on Maar ${server.version}${server.is_draining ? ", about to end" : ""}`);
  byId("logout").hidden = !server.has_users;
}

function trouble(text) {
  const line = byId("trouble");
  line.hidden = text === "";
  put(line, text);
}

function login() {
  turn += 1;
  put(byId("who"), "");
  byId("logout").hidden = true;
  trouble("");
  const user = el("input", { name: "user", autocomplete: "username" });
  const password = el("input", { name: "password", type: "password", autocomplete: "current-password" });
  const token = el("input", { name: "token", type: "password", autocomplete: "off" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      if (token.value) showToken(token.value.trim());
      else await logIn(user.value, password.value);
      draw();
    } catch (error) {
      trouble(error.message);
    }
  };
  const label = (text, input) => el("label", {}, text, input);
  const form = el("form", { class: "login", submit },
    label("User", user), label("Password", password), label("or a token of the identity provider", token),
    el("button", {}, "Log in"));
  byId("page").replaceChildren(el("h1", {}, "Log in"), form);
  user.focus();
}

function theme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("maar-theme", root.dataset.theme);
}

const kept = localStorage.getItem("maar-theme");
if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
byId("theme").addEventListener("click", theme);
byId("logout").addEventListener("click", () => logOut().catch(() => {}).then(login));
addEventListener("hashchange", draw);
draw();
