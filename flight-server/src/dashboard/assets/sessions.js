// The sessions page: who is connected.

import { el, table } from "./draw.js";
import { get } from "./server.js";
import { count, moment, seconds } from "./words.js";

export function page() {
  const sessions = table([
    { title: "Session", kind: "number", of: (session) => `${session.session}${session.is_own ? " (this page)" : ""}` },
    { title: "User", of: (session) => session.user ?? "-" },
    { title: "Role", of: (session) => session.role },
    { title: "Opened", of: (session) => moment(session.opened) },
    { title: "Idle", kind: "number", of: (session) => seconds(session.idle_seconds) },
    { title: "Running", kind: "number", of: (session) => count(session.running) },
    { title: "Prepared", kind: "number", of: (session) => count(session.prepared_statements) },
    { title: "Not fetched", kind: "number", of: (session) => count(session.waiting_statements) },
  ], (session) => session.session, "There are no sessions.");
  const root = el("div", {}, sessions.root);
  const refresh = async () => sessions.set(await get("sessions"));
  return { title: "Sessions", root, refresh };
}
