// What the other parts write with. Every text of the factory's goes in by textContent: what somebody calls a machine is never markup.

export const at = (id) => document.getElementById(id);

export function make(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const DECIMALS = { "C": 2, "hPa": 1, "%": 1, "mm/s": 2 };
const UNITS = { "C": "°C" };

export const unit = (name) => UNITS[name] || name;

// Always as many decimals: a value that changes does not jump about.
export function number(value, name) {
  if (value === null) return "no value";
  return name in DECIMALS ? value.toFixed(DECIMALS[name]) : String(Math.round(value * 1000) / 1000);
}

// "35 s", "12 min", "3 h", "5 d"
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 100) return s + " s";
  if (s < 6000) return Math.round(s / 60) + " min";
  return s < 172800 ? Math.round(s / 3600) + " h" : Math.round(s / 86400) + " d";
}

// Whether an MQTT filter matches a topic.
export function fits(pattern, topic) {
  if (pattern === "#") return true;
  const wanted = pattern.split("/"), levels = topic.split("/");
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === "#") return true;
    if (i >= levels.length || (wanted[i] !== "+" && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

// Raises an Error with the server's own words; whoever is not known goes to the login.
export async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 401) { location.href = "/login"; throw new Error("log in first"); }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ? told.error.message : "HTTP " + answer.status);
  return told;
}

export const ACT = { method: "POST", headers: { "X-Floorsense": "1" } };

// This machine's clock to the server's, in ms.
export const clock = { offset: 0, now() { return Date.now() + this.offset; } };
