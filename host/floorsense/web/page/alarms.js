// The alarms: those that are open, to acknowledge; those that were, to look at.
import { ACT, ask, at, clock, make, span, write } from "/page/text.js";

const RANK = { critical: 0, warning: 1, info: 2 };
const MOST_SHOWN = 200;

const alarms = new Map();      // number: alarm
const heard = new Map();       // number of an alarm: when the link last spoke of it
let mayAct = true;             // whether who looks is an operator
let changed = () => {};
let opened = () => {};

export const onChange = (what) => { changed = what; };
export const onOpen = (what) => { opened = what; };

// The worst open severity of a machine, or null.
export function worst(station) {
  let found = null;
  for (const one of alarms.values()) if (one.machine === station && (found === null || RANK[one.severity] < RANK[found])) found = one.severity;
  return found;
}

export function take(alarm) {
  if (alarm.cleared_at === null) alarms.set(alarm.id, alarm); else alarms.delete(alarm.id);
  changed(alarm.machine);
}

// By the link: newer than any answer that was asked for before.
export function hear(alarm) {
  if (heard.size > 10000) heard.clear();
  heard.set(alarm.id, Date.now());
  take(alarm);
}

export async function refresh() {
  const began = Date.now(), isNewer = (number) => (heard.get(number) || 0) >= began;
  const told = [];
  for (const state of ["open", "acknowledged"]) told.push(...(await ask("/api/v1/alerts?limit=1000&state=" + state)).alarms);
  const before = [...alarms.values()];
  for (const one of before) if (!isNewer(one.id)) { alarms.delete(one.id); changed(one.machine); }
  for (const one of told) if (!isNewer(one.id)) take(one);
  list();
  if (at("cleared").open) await listCleared();
}

export function setRole(role) {
  mayAct = role === "operator";
  list();
}

function since(alarm) {
  const time = make("time", "", span(clock.now() - alarm.onset) + " ago");
  time.dateTime = new Date(alarm.onset).toISOString();
  time.title = new Date(alarm.onset).toLocaleString();
  return time;
}

function item(alarm) {
  const element = make("li"), badge = make("span", "badge", alarm.severity), show = make("button", "show", alarm.machine.split("/").pop());
  element.dataset.severity = alarm.severity;
  element.dataset.state = alarm.state;
  show.type = "button";
  show.dataset.show = alarm.id;
  show.setAttribute("aria-label", "Show " + alarm.machine);
  show.addEventListener("click", () => opened(alarm.machine));
  element.append(badge, show, make("span", "text", alarm.text), since(alarm));
  return element;
}

// Many that come in a burst are listed together: the list is above the machines, and moves them all.
const REST_MS = 250;
let isDue = false, listed = 0;
export function listSoon() {
  if (isDue) return;
  isDue = true;
  setTimeout(list, Math.max(0, listed + REST_MS - performance.now()));
}

export function list() {
  isDue = false;
  listed = performance.now();
  const focused = document.activeElement && document.activeElement.dataset;
  const all = [...alarms.values()].sort((a, b) =>
    (a.acked_at !== null) - (b.acked_at !== null) || RANK[a.severity] - RANK[b.severity] || b.id - a.id);
  at("alarms").replaceChildren(...all.slice(0, MOST_SHOWN).map((one) => {
    const element = item(one);
    if (one.acked_at !== null) element.append(make("span", "done", "acknowledged by " + one.acked_by));
    else if (!mayAct) element.append(make("span", "done", "not acknowledged"));
    else {
      const button = make("button", "act", "Acknowledge");
      button.type = "button";
      button.dataset.alarm = one.id;
      button.setAttribute("aria-label", "Acknowledge: " + one.text);
      button.addEventListener("click", () => acknowledge(one.id, button));
      element.append(button);
    }
    return element;
  }));
  const waiting = all.filter((one) => one.acked_at === null).length;
  at("no-alarms").hidden = all.length > 0;
  write(at("alarm-count"), String(all.length));
  document.title = (waiting ? "(" + waiting + ") " : "") + "floorsense";
  // The list is made anew; whoever was on a button of it still is.
  if (focused && focused.alarm) again('button[data-alarm="' + Number(focused.alarm) + '"]', 'button[data-show="' + Number(focused.alarm) + '"]');
  else if (focused && focused.show) again('button[data-show="' + Number(focused.show) + '"]');
}

function again(...wanted) {
  const found = wanted.map((one) => document.querySelector(one)).find(Boolean);
  if (found) found.focus();
}

async function acknowledge(number, button) {
  button.disabled = true;
  write(at("message"), "");
  try {
    take(await ask("/api/v1/alerts/" + number + "/ack", ACT));
    list();
  } catch (error) {
    write(at("message"), "Not acknowledged: " + error.message);
    button.disabled = false;
  }
}

async function listCleared() {
  const told = await ask("/api/v1/alerts?limit=50&state=cleared");
  at("cleared-alarms").replaceChildren(...told.alarms.map((one) => {
    const element = item(one);
    element.append(make("span", "done", "lasted " + span((one.ended || one.cleared_at) - one.onset) + (one.acked_by ? ", acknowledged by " + one.acked_by : "")));
    return element;
  }));
  if (!told.alarms.length) at("cleared-alarms").append(make("p", "calm", "None yet."));
}

at("cleared").addEventListener("toggle", () => {
  if (at("cleared").open) listCleared().catch((error) => write(at("message"), "The cleared alarms did not come: " + error.message));
});
