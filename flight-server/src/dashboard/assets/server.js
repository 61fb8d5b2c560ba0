// Questions to the server. The token of a login is kept for as long as the tab is there, and sent as a header, which no other page can do.

const TOKEN = "maar-token";

export class LoginNeeded extends Error {}

export function hasToken() {
  return sessionStorage.getItem(TOKEN) !== null;
}

async function send(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch {
    throw new Error("The server does not answer.");
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    sessionStorage.removeItem(TOKEN);
    throw new LoginNeeded(said.error);
  }
  if (!answer.ok) throw new Error(said.error || `The server answers with ${answer.status}.`);
  return said;
}

function headers() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { authorization: `Bearer ${token}` } : {};
}

export function get(path) {
  return send(`/api/${path}`, { headers: headers() });
}

export function post(path) {
  return send(`/api/${path}`, { method: "POST", headers: { ...headers(), "maar-dashboard": "1" } });
}

export async function logIn(user, password) {
  const words = new TextEncoder().encode(`${user}:${password}`);
  const basic = btoa(String.fromCharCode(...words));
  const options = { method: "POST", headers: { authorization: `Basic ${basic}`, "maar-dashboard": "1" } };
  const said = await send("/api/login", options);
  sessionStorage.setItem(TOKEN, said.token);
}

/** A token of an identity provider, which is shown as it is. */
export function showToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

export async function logOut() {
  try {
    await post("logout");
  } finally {
    sessionStorage.removeItem(TOKEN);
  }
}
