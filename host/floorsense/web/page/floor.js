// The dashboard: what comes by the link goes to the machines, the alarms and the open charts; and how late it is.
import { ACT, ask, at, clock, fits, write } from "/page/text.js";
import * as alarms from "/page/alarms.js";
import * as detail from "/page/detail.js";
import * as link from "/page/link.js";
import * as machines from "/page/machines.js";

const SHOWN_MS = 10000;
const latencies = [];          // [when, ms] of what was shown
const recorded = [];           // for who measures the page
let filter = "#";
let dropped = 0;
let leftOut = 0;

// All that came together, in its order. The browser lays out and paints once a frame, however many texts have changed.
function hear(text) {
  const told = JSON.parse(text);
  for (const one of Array.isArray(told) ? told : [told]) {
    if (one.type === "reading") show(one);
    else if (one.type === "alarm") { alarms.hear(one); alarms.listSoon(); }
    else if (one.type === "station") { if (fits(filter, one.station + "/status")) place(one); }
    else if (one.type === "pong") synchronize(one);
    else if (one.type === "dropped") lose(one.count);
    else if (one.type === "filter") write(at("message"), one.fault ? "Filter: " + one.fault : "");
  }
}

function show(reading) {
  // What was under way when the filter changed.
  if (!fits(filter, reading.topic)) return;
  if (machines.put(reading, true)) {
    // One was measured long ago, and of the other nobody knows when.
    if (reading.quality.includes("replayed") || reading.quality.includes("clock-not-set")) leftOut += 1;
    else {
      const now = clock.now();
      latencies.push([now, now - reading.ts]);
      if (recorded.length < 1000000) recorded.push(now - reading.ts);
    }
  }
  if (detail.shown() === reading.station) detail.extend(reading);
}

function place(told) {
  const tile = machines.tileOf(told.station);
  if (tile) machines.setPresence(tile, told.status);
}

function lose(count) {
  dropped += count;
  write(at("dropped"), dropped + " readings came too fast to be shown; they are stored");
  refresh();
}

function synchronize(told) {
  const now = Date.now(), trip = now - told.ping, ahead = told.now - now + trip / 2;
  if (trip < 2000) clock.offset = Math.abs(ahead) < 100 ? 0 : ahead;
}

// What was missed while the link was away, and what was there before: alarms, the last of each machine, the open chart.
async function refresh() {
  try {
    await alarms.refresh();
    const wanted = filter;
    let after = "";
    do {
      const page = await ask("/api/v1/stations?limit=200&after=" + encodeURIComponent(after));
      if (wanted !== filter) return;
      for (const one of page.stations) take(one);
      after = page.next;
    } while (after);
    machines.forget();
    machines.drawAll();
    await detail.refresh();
  } catch (error) { write(at("message"), "The history did not come: " + error.message); }
}

function take(told) {
  const readings = told.latest.filter((reading) => fits(filter, reading.topic));
  if (!readings.length && !fits(filter, told.machine + "/status")) return;
  const tile = machines.tileOf(told.machine);
  if (!tile) return;
  machines.describe(tile, told);
  for (const one of readings) machines.put({ ...one, station: told.machine, quantity: one.topic.split("/").pop() }, false);
  machines.setWorst(told.machine, alarms.worst(told.machine));
  machines.mark(tile);
}

async function open(station) {
  const tile = machines.find(station);
  await detail.show(station, tile ? tile.badge.textContent : "");
}

machines.onOpen(open);
alarms.onOpen(open);
alarms.onChange((station) => machines.setWorst(station, alarms.worst(station)));

// ---- what the page says of itself, once a second

setInterval(() => {
  const since = clock.now() - SHOWN_MS;
  while (latencies.length && latencies[0][0] < since) latencies.shift();
  const sorted = latencies.map((one) => one[1]).sort((a, b) => a - b);
  write(at("latency"), sorted.length
    ? "measured to shown: " + Math.round(sorted[sorted.length >> 1]) + " ms, worst " + Math.round(sorted[sorted.length - 1]) + " ms"
    : "no readings for 10 s");
  const tile = machines.find(detail.shown());
  if (tile) detail.setStatus(tile.badge.textContent);
  machines.learn().catch(() => {});
}, 1000);
setInterval(machines.draw, 100);
setInterval(alarms.list, 15000);

at("filter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  filter = at("filter").value.trim() || "#";
  machines.clear();
  link.narrow(filter);
  refresh();
});

at("logout").addEventListener("click", async () => {
  const answer = await fetch("/api/v1/logout", ACT).catch(() => null);
  if (answer && answer.ok) location.href = "/login";
  else write(at("message"), "Not logged out: no answer");
});

ask("/api/v1/login").then((told) => {
  alarms.setRole(told.role);
  write(at("visitor-name"), told.name + " (" + told.role + ")");
  at("visitor").hidden = !told.login;
}).catch(() => {});

window.floorsense = { recorded, get reconnects() { return link.count.reconnects; }, get dropped() { return dropped; }, get leftOut() { return leftOut; } };
link.open(filter, hear, refresh);
