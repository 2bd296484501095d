// The dashboard. Every text of the factory's goes in by textContent: what somebody calls a machine is never markup.
"use strict";

const MOST_TILES = 5000;
const MOST_POINTS = 20000;
const RESTS_MS = [500, 1000, 2000, 5000, 10000];
const SPAN_SHOWN_MS = 10000;
const at = (id) => document.getElementById(id);
const make = (tag, kind, text) => {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
};

const tiles = new Map();       // station: {button, values, status, presence, latest}
const alarms = new Map();      // number: alarm
const heard = new Map();        // number of an alarm: when the link last spoke of it
const latencies = [];          // [when, ms] of what was shown
const recorded = [];           // for who measures the page
let filter = "#";
let offset = 0;                // this machine's clock to the server's, in ms
let dropped = 0;
let leftOut = 0;
let mayAct = true;             // whether who looks is an operator
let reconnects = -1;
let open = null;               // the machine whose chart is shown
let charts = new Map();        // topic: {element, x, y, seen}

// ---- machines

function tileOf(station) {
  let tile = tiles.get(station);
  if (tile || tiles.size >= MOST_TILES) return tile;
  const button = make("button", "tile");
  button.type = "button";
  const parts = station.split("/");
  const status = make("span", "status", "OK");
  button.append(make("strong", "", parts[parts.length - 1]), make("span", "where", parts.slice(0, -1).join(" / ")), status);
  button.addEventListener("click", () => show(station));
  tile = { button, values: new Map(), status, presence: "online", latest: 0, worst: "OK" };
  tiles.set(station, tile);
  const names = [...tiles.keys()].sort();
  const next = names[names.indexOf(station) + 1];
  at("machines").insertBefore(button, next === undefined ? null : tiles.get(next).button);
  at("machine-count").textContent = tiles.size;
  mark(tile);
  return tile;
}

function mark(tile) {
  const away = tile.presence === "lost" || tile.presence === "stopped";
  const word = away ? "AWAY" : tile.worst;
  if (tile.button.dataset.status !== word) tile.button.dataset.status = word;
  const text = away ? (tile.presence + (tile.worst === "OK" ? "" : ", " + tile.worst)) : word;
  if (tile.status.textContent !== text) tile.status.textContent = text;
}

function shown(value, unit, quality, zone) {
  const number = value === null ? "no value" : String(Math.round(value * 1000) / 1000) + " " + unit;
  return number + (zone ? ", zone " + zone : "") + (quality.length ? " (" + quality.join(", ") + ")" : "");
}

function put(reading, isLive) {
  // What was under way when the filter changed.
  if (!fits(filter, reading.topic)) return;
  const tile = tileOf(reading.station);
  if (!tile) return;
  let entry = tile.values.get(reading.quantity);
  if (!entry) {
    entry = { element: make("span", "value"), ts: 0 };
    tile.values.set(reading.quantity, entry);
    tile.button.append(entry.element);
  }
  if (reading.ts >= entry.ts) {
    entry.ts = reading.ts;
    entry.element.textContent = reading.quantity + " " + shown(reading.value, reading.unit, reading.quality, reading.zone);
    if (isLive) {
      const now = Date.now() + offset;
      // One was measured long ago, and of the other nobody knows when.
      if (reading.quality.includes("replayed") || reading.quality.includes("clock-not-set")) leftOut += 1;
      else {
        latencies.push([now, now - reading.ts]);
        if (recorded.length < 1000000) recorded.push(now - reading.ts);
      }
    }
  }
  if (reading.status && tile.worst !== reading.status) { tile.worst = reading.status; mark(tile); }
  if (isLive && tile.presence === "lost") { tile.presence = "online"; mark(tile); }
  if (open === reading.station) extend(reading.topic, reading.ts, reading.value);
}

function worst(station) {
  const order = ["info", "warning", "critical"];
  const mine = [...alarms.values()].filter((one) => one.machine === station && one.cleared_at === null);
  const rank = Math.max(-1, ...mine.map((one) => order.indexOf(one.severity)));
  return rank < 0 ? "OK" : order[rank].toUpperCase();
}

// ---- alarms

function take(alarm) {
  if (alarm.cleared_at === null) alarms.set(alarm.id, alarm); else alarms.delete(alarm.id);
  const tile = tiles.get(alarm.machine);
  if (tile) { tile.worst = worst(alarm.machine); mark(tile); }
}

function list() {
  const focused = document.activeElement && document.activeElement.dataset.alarm;
  const order = { critical: 0, warning: 1, info: 2 };
  const all = [...alarms.values()].sort((a, b) =>
    (a.acked_at !== null) - (b.acked_at !== null) || order[a.severity] - order[b.severity] || b.id - a.id);
  const items = all.slice(0, 200).map((one) => {
    const item = make("li");
    item.dataset.severity = one.severity;
    item.append(make("span", "severity", (one.severity === "critical" ? "\u25A0 " : one.severity === "warning" ? "\u25B2 " : "i ") + one.severity),
      make("span", "text", one.text), make("time", "", new Date(one.onset).toLocaleString()));
    if (one.acked_at === null && !mayAct) item.append(make("span", "", "not acknowledged"));
    else if (one.acked_at === null) {
      const button = make("button", "", "Acknowledge");
      button.type = "button";
      button.dataset.alarm = one.id;
      button.setAttribute("aria-label", "Acknowledge: " + one.text);
      button.addEventListener("click", () => acknowledge(one.id, button));
      item.append(button);
    } else item.append(make("span", "", "acknowledged by " + one.acked_by));
    return item;
  });
  at("alarms").replaceChildren(...items);
  at("no-alarms").hidden = all.length > 0;
  at("alarm-count").textContent = all.length;
  document.title = (all.some((one) => one.acked_at === null) ? "(!) " : "") + "floorsense";
  if (focused) { const again = document.querySelector('button[data-alarm="' + Number(focused) + '"]'); if (again) again.focus(); }
}

async function acknowledge(number, button) {
  button.disabled = true;
  at("message").textContent = "";
  try {
    const answer = await fetch("/api/v1/alerts/" + number + "/ack", { method: "POST", headers: { "X-Floorsense": "1" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error.message);
    take(told);
    list();
  } catch (error) {
    at("message").textContent = "Not acknowledged: " + error.message;
    button.disabled = false;
  }
}

// ---- one machine's charts: history from the API, joined to what comes

function ready() {
  if (window.Plotly) return Promise.resolve();
  return new Promise((done, failed) => {
    const script = make("script");
    script.src = "/page/plotly.js";
    script.onload = done;
    script.onerror = () => failed(new Error("the charts' library did not load"));
    document.head.append(script);
  });
}

async function show(station) {
  open = station;
  at("detail").hidden = false;
  at("detail-title").textContent = station;
  at("charts").replaceChildren(make("p", "", "loading ..."));
  at("detail-title").focus();
  at("detail").scrollIntoView({ block: "start" });
  try {
    await ready();
    await history(station);
  } catch (error) { at("charts").replaceChildren(make("p", "", error.message)); }
}

async function history(station) {
  const span = Number(at("span").value);
  const to = Math.round(Date.now() + offset);
  const step = Math.ceil(span / 3000 / 1000) * 1000;
  const query = "&from=" + (to - span) + (span <= 3600000 ? "" : "&step=" + (step > 60000 ? Math.ceil(step / 60000) * 60000 : step));
  const answer = await fetch("/api/v1/series?topic=" + encodeURIComponent(station + "/+") + query);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error.message);
  if (open !== station) return;
  const before = charts;
  charts = new Map();
  at("charts").replaceChildren();
  for (const one of told.series) {
    const y = (one.value || one.mean).slice();
    const chart = { element: make("div", "chart"), x: one.ts.slice(), y, name: one.topic.split("/").pop(), unit: one.unit, due: false };
    const known = before.get(one.topic);
    if (known) {
      const last = chart.x.length ? chart.x[chart.x.length - 1] : 0;
      known.x.forEach((ts, i) => { if (ts > last) { chart.x.push(ts); chart.y.push(known.y[i]); } });
    }
    charts.set(one.topic, chart);
    at("charts").append(chart.element);
    draw(chart);
  }
  if (!told.series.length) at("charts").append(make("p", "", "Nothing was measured in this time."));
}

function draw(chart) {
  const style = getComputedStyle(document.body);
  const ink = style.color;
  // Plotly reads its texts as a small markup of its own.
  const safe = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  Plotly.react(chart.element, [{ x: chart.x.map((ts) => new Date(ts)), y: chart.y, mode: "lines", type: "scatter", connectgaps: false }], {
    title: { text: safe(chart.name) + " (" + safe(chart.unit) + ")" }, margin: { t: 40, r: 10, b: 40, l: 55 }, paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink }, uirevision: "kept", showlegend: false,
  }, { displayModeBar: false, responsive: true });
  chart.element.dataset.points = chart.x.length;
}

function extend(topic, ts, value) {
  const chart = charts.get(topic);
  if (!chart || (chart.x.length && ts <= chart.x[chart.x.length - 1])) return;
  chart.x.push(ts);
  chart.y.push(value);
  const oldest = ts - Number(at("span").value);
  let gone = 0;
  while (gone < chart.x.length && chart.x[gone] < oldest) gone++;
  gone = Math.max(gone, chart.x.length - MOST_POINTS);
  if (gone > 0) { chart.x.splice(0, gone); chart.y.splice(0, gone); }
  if (chart.due) return;
  chart.due = true;
  setTimeout(() => { chart.due = false; if (charts.get(topic) === chart) draw(chart); }, 500);
}

// ---- the link

function say(link, text) {
  const element = at("link");
  element.dataset.link = link;
  element.textContent = text;
}

// All that came together, in its order. The browser lays out and paints once a frame, however many texts have changed.
function hear(text) {
  const told = JSON.parse(text);
  let wasAlarm = false;
  for (const one of Array.isArray(told) ? told : [told]) {
    if (one.type === "pong") synchronize(one);
    else wasAlarm = note(one) || wasAlarm;
  }
  if (wasAlarm) list();
}

function synchronize(told) {
  const now = Date.now();
  const trip = now - told.ping;
  const ahead = told.now - now + trip / 2;
  if (trip < 2000) offset = Math.abs(ahead) < 100 ? 0 : ahead;
}

// Whether it was an alarm.
function note(told) {
  if (told.type === "reading") put(told, true);
  else if (told.type === "alarm") {
    if (heard.size > 10000) heard.clear();
    heard.set(told.id, Date.now());
    take(told);
  }
  else if (told.type === "station" && fits(filter, told.station + "/status")) { const tile = tileOf(told.station); if (tile) { tile.presence = told.status; mark(tile); } }
  else if (told.type === "dropped") { dropped += told.count; at("dropped").textContent = dropped + " readings came too fast to be shown; they are stored"; refresh(); }
  else if (told.type === "filter") at("message").textContent = told.fault ? "Filter: " + told.fault : "";
  return told.type === "alarm";
}

// What was missed while the link was away, and what was there before: the last of each machine, alarms, the open chart.
async function refresh() {
  const began = Date.now();
  // What the link said meanwhile is newer than any answer.
  const isNewer = (number) => (heard.get(number) || 0) >= began;
  const answer = await fetch("/api/v1/alerts?limit=1000&state=open");
  if (answer.status === 401) { location.href = "/login"; return; }
  const acked = await fetch("/api/v1/alerts?limit=1000&state=acknowledged");
  const told = [...(await answer.json()).alarms, ...(await acked.json()).alarms];
  for (const number of [...alarms.keys()]) if (!isNewer(number)) alarms.delete(number);
  for (const one of told) if (!isNewer(one.id)) take(one);
  list();
  let after = "";
  do {
    const page = await (await fetch("/api/v1/stations?limit=500&after=" + encodeURIComponent(after))).json();
    for (const one of page.stations) {
      const readings = one.latest.filter((reading) => fits(filter, reading.topic));
      if (!readings.length && !fits(filter, one.machine + "/status")) continue;
      const tile = tileOf(one.machine);
      if (!tile) break;
      tile.presence = one.status || "online";
      tile.worst = worst(one.machine);
      mark(tile);
      for (const reading of readings) put({ ...reading, station: one.machine, quantity: reading.topic.split("/").pop() }, false);
    }
    after = page.next;
  } while (after);
  if (open) await history(open);
}

function fits(pattern, topic) {
  const wanted = pattern.split("/"), levels = topic.split("/");
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === "#") return true;
    if (i >= levels.length || (wanted[i] !== "+" && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

async function greet() {
  const answer = await fetch("/api/v1/login");
  if (!answer.ok) return;
  const told = await answer.json();
  mayAct = told.role === "operator";
  at("visitor-name").textContent = told.name + " (" + told.role + ")";
  at("visitor").hidden = !told.login;
  list();
}

let socket = null, events = null, failures = 0;

function connect() {
  let wasOpen = false;
  socket = new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/api/v1/live/ws");
  socket.onopen = () => {
    wasOpen = true;
    failures = 0;
    reconnects += 1;
    say("live", "live");
    socket.send(JSON.stringify({ filter, together: true, ping: Date.now() }));
    refresh().catch((error) => { at("message").textContent = "The history did not come: " + error.message; });
  };
  socket.onmessage = (message) => hear(message.data);
  socket.onclose = async () => {
    socket = null;
    failures += 1;
    if (!wasOpen) {
      const answer = await fetch("/api/v1/alerts?limit=1").catch(() => null);
      if (answer && answer.status === 401) { location.href = "/login"; return; }
    }
    // Two in a row that never opened, where pages are served: something on the way lets no WebSocket through.
    if (!wasOpen && failures >= 2) { stream(); return; }
    say("away", "no connection; trying again");
    setTimeout(connect, RESTS_MS[Math.min(failures, RESTS_MS.length) - 1] * (0.5 + Math.random()));
  };
}

function stream() {
  if (events) events.close();
  events = new EventSource("/api/v1/live/events?filter=" + encodeURIComponent(filter));
  events.onopen = () => { reconnects += 1; say("events", "live, by events"); refresh().catch(() => {}); };
  events.onmessage = (message) => hear(message.data);
  events.onerror = () => {
    say("away", "no connection; trying again");
    events.close();
    events = null;
    setTimeout(connect, RESTS_MS[Math.min(failures, RESTS_MS.length) - 1]);
  };
}

// ---- what the page says of itself

setInterval(() => {
  const since = Date.now() + offset - SPAN_SHOWN_MS;
  while (latencies.length && latencies[0][0] < since) latencies.shift();
  const sorted = latencies.map((one) => one[1]).sort((a, b) => a - b);
  at("latency").textContent = sorted.length
    ? "measured to shown: " + Math.round(sorted[sorted.length >> 1]) + " ms, worst " + Math.round(sorted[sorted.length - 1]) + " ms"
    : "no readings for 10 s";
}, 1000);
setInterval(() => { if (socket && socket.readyState === 1) socket.send(JSON.stringify({ ping: Date.now() })); }, 5000);

at("filter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  filter = at("filter").value.trim() || "#";
  for (const tile of tiles.values()) tile.button.remove();
  tiles.clear();
  at("machine-count").textContent = 0;
  if (socket && socket.readyState === 1) socket.send(JSON.stringify({ filter }));
  else if (events) stream();
  refresh().catch(() => {});
});
at("logout").addEventListener("click", async () => {
  const answer = await fetch("/api/v1/logout", { method: "POST", headers: { "X-Floorsense": "1" } }).catch(() => null);
  if (answer && answer.ok) location.href = "/login";
  else at("message").textContent = "Not logged out: no answer";
});
at("span").addEventListener("change", () => { charts.clear(); if (open) show(open); });
at("close").addEventListener("click", () => {
  const tile = tiles.get(open);
  open = null;
  charts.clear();
  at("detail").hidden = true;
  if (tile) tile.button.focus();
});
window.floorsense = { recorded, get reconnects() { return reconnects; }, get dropped() { return dropped; }, get leftOut() { return leftOut; } };
greet().catch(() => {});
connect();
