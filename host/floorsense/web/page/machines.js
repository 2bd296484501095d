// The machines as tiles: a state, the last values with their last minutes, and how long it has been silent.
import { ask, at, clock, make, number, span, unit, write } from "/page/text.js";
import { Sparkline } from "/page/sparkline.js";

const MOST = 5000;
const SILENT_MS = 15000;       // and five times as long as it takes from one reading to the next
const GROUPS = { OK: ["OK", "INFO"], WARNING: ["WARNING"], CRITICAL: ["CRITICAL"], AWAY: ["SILENT", "LOST", "STOPPED"] };
const TONES = { OK: "ok", INFO: "info", WARNING: "warning", CRITICAL: "critical", SILENT: "away", LOST: "away", STOPPED: "away" };
const byName = new Intl.Collator(undefined, { numeric: true }).compare;

const tiles = new Map();       // station: tile
const names = [];              // in their order on the page
let chosen = null;             // of GROUPS: the only ones shown
let opened = () => {};

export const onOpen = (what) => { opened = what; };
export const find = (station) => tiles.get(station);

export function tileOf(station) {
  let tile = tiles.get(station);
  if (tile || tiles.size >= MOST) return tile;
  const button = make("button", "tile"), head = make("span", "head"), badge = make("span", "badge"), parts = station.split("/");
  button.type = "button";
  head.append(make("strong", "", parts[parts.length - 1]), badge);
  const rows = make("span", "rows"), note = make("span", "note");
  note.hidden = true;
  button.append(head, make("span", "where", parts.slice(0, -1).join(" / ")), rows, note);
  button.addEventListener("click", () => opened(station));
  tile = { station, button, badge, rows, note, values: new Map(), presence: "online", worst: "OK", away: null, heard: 0, usual: 0, isSeen: false, hasPast: false };
  tiles.set(station, tile);
  let low = 0, high = names.length;
  while (low < high) { const middle = (low + high) >> 1; if (byName(names[middle], station) < 0) low = middle + 1; else high = middle; }
  at("machines").insertBefore(button, low < names.length ? tiles.get(names[low]).button : null);
  names.splice(low, 0, station);
  at("machines").classList.toggle("many", names.length > FEW);
  sight.observe(button);
  button.station = station;
  mark(tile);
  return tile;
}

export function clear() {
  for (const tile of tiles.values()) { sight.unobserve(tile.button); tile.button.remove(); }
  tiles.clear();
  names.length = 0;
  count();
}

// Why it does not tell anything now, or null.
function absence(tile) {
  if (tile.presence === "lost" || tile.presence === "stopped") return tile.presence.toUpperCase();
  return tile.heard && clock.now() - tile.heard > Math.max(SILENT_MS, 5 * tile.usual) ? "SILENT" : null;
}

// An alarm that is open comes before silence: that the board is gone makes it no better.
export function mark(tile) {
  const away = absence(tile), alerts = tile.worst === "WARNING" || tile.worst === "CRITICAL";
  const word = away && !alerts ? away : tile.worst;
  if (tile.button.dataset.status !== word) tile.button.dataset.status = word;
  if (tile.away !== away) { tile.away = away; tile.button.classList.toggle("away", away !== null); }
  write(tile.badge, away && alerts ? word + ", " + away : word);
  tile.note.hidden = !away || !tile.heard;
  if (!tile.note.hidden) write(tile.note, "last reading " + span(clock.now() - tile.heard) + " ago");
  const isHidden = chosen !== null && !GROUPS[chosen].includes(word);
  if (tile.button.hidden !== isHidden) tile.button.hidden = isHidden;
}

export function setWorst(station, severity) {
  const tile = tiles.get(station), word = severity ? severity.toUpperCase() : "OK";
  if (tile && tile.worst !== word) { tile.worst = word; mark(tile); }
}

// What the link says of a board: online, lost or stopped.
export function setPresence(tile, word) {
  if (tile.presence !== word) { tile.presence = word; mark(tile); }
}

// What the API knows of a board beyond its readings: how often it means to send.
export function describe(tile, told) {
  const readings = (told.birth && told.birth.readings) || {};
  const periods = Object.values(readings).map((one) => 1000 * one.period).filter((one) => one > 0);
  if (periods.length) tile.usual = Math.min(...periods);
  setPresence(tile, told.status || "online");
}

// Whether it is the newest of its topic, and on the page now.
export function put(reading, isLive) {
  const tile = tileOf(reading.station);
  if (!tile) return false;
  let entry = tile.values.get(reading.quantity);
  if (!entry) entry = row(tile, reading.quantity);
  if (reading.ts < entry.ts && !wasPutBack(reading, entry, isLive)) return false;
  if (isLive && entry.ts && !tile.usual) tile.usual = reading.ts - entry.ts;
  entry.ts = reading.ts;
  write(entry.text, number(reading.value, reading.unit));
  write(entry.unit, reading.value === null ? "" : " " + unit(reading.unit));
  if (reading.zone || entry.zone) zone(entry, reading.zone);
  entry.quality.hidden = !reading.quality.length;
  if (reading.quality.length) write(entry.quality, reading.quality.join(", "));
  entry.line.add(reading.ts, reading.value);
  tile.heard = Math.max(tile.heard, isLive ? reading.arrived : reading.ts);
  if (isLive) {
    if (tile.presence === "lost") tile.presence = "online";
    tile.worst = reading.status;
    if (tile.away || tile.button.dataset.status !== tile.worst) mark(tile);
  }
  return true;
}

// A board's clock that was ahead and is right again. What waited out an outage is of the past, and says so.
const wasPutBack = (reading, entry, isLive) => isLive && entry.ts - reading.ts > 60000 && !reading.quality.includes("replayed");

function row(tile, quantity) {
  const element = make("span", "row"), name = make("span", "quantity"), value = make("span", "value"), quality = make("span", "quality");
  const entry = { element, name, ts: 0, text: make("span"), unit: make("small"), zone: null, line: new Sparkline(), quality };
  // A point of a machine is broken before its name, and not within a word.
  quantity.split(/(?=\.)/).forEach((part, i) => name.append(...(i ? [make("wbr"), part] : [part])));
  value.append(entry.text, entry.unit);
  quality.hidden = true;
  element.append(name, entry.line.canvas, value, quality);
  tile.values.set(quantity, entry);
  const after = [...tile.values.keys()].sort(byName), next = after[after.indexOf(quantity) + 1];
  tile.rows.insertBefore(element, next === undefined ? null : tile.values.get(next).element);
  return entry;
}

function zone(entry, letter) {
  if (!entry.zone) { entry.zone = make("span", "zone"); entry.zone.title = "ISO 20816-3"; entry.name.append(" ", entry.zone); }
  entry.zone.hidden = !letter;
  if (letter) { write(entry.zone, "zone " + letter); entry.zone.dataset.zone = letter; }
}

// ---- what is seen is drawn, and asked for its past

const sight = new IntersectionObserver((entries) => {
  for (const one of entries) { const tile = tiles.get(one.target.station); if (tile) tile.isSeen = one.isIntersecting; }
}, { rootMargin: "100px" });

// Of a small floor everything is drawn; of a large one, what somebody can see.
const FEW = 60;
const isShown = (tile) => !tile.button.hidden && (tile.isSeen || names.length <= FEW);

// Ten times a second a tenth of the tiles: a value that comes meanwhile waits for no more than that.
const SLICES = 10;
let slice = 0;
let colours = {};

export function draw() {
  slice = (slice + 1) % SLICES;
  if (slice === 0) { recolour(); count(); }
  for (let i = slice; i < names.length; i += SLICES) refreshTile(tiles.get(names[i]));
}

export function drawAll() {
  recolour();
  for (const tile of tiles.values()) refreshTile(tile);
  count();
}

function refreshTile(tile) {
  mark(tile);
  if (!isShown(tile)) return;
  for (const entry of tile.values.values()) entry.line.draw(colours[tile.button.dataset.status]);
}

// By the scheme, light or dark, that holds now.
function recolour() {
  const style = getComputedStyle(document.documentElement);
  for (const [status, name] of Object.entries(TONES)) colours[status] = style.getPropertyValue("--" + name).trim();
}

// One question at a time, for tiles that somebody looks at.
let isLearning = false;
export async function learn() {
  if (isLearning) return;
  isLearning = true;
  try { await askAll(); } finally { isLearning = false; }
}

async function askAll() {
  for (const tile of tiles.values()) {
    if (tile.hasPast || !tile.values.size || !isShown(tile)) continue;
    tile.hasPast = true;
    const to = Math.round(clock.now()), query = "&from=" + (to - 300000) + "&step=5000&limit=100&most=20";
    const told = await ask("/api/v1/series?topic=" + encodeURIComponent(tile.station + "/+") + query);
    for (const one of told.series) {
      const entry = tile.values.get(one.topic.split("/").pop());
      if (entry) entry.line.prepend(one.ts.map((ts, i) => [ts, one.mean[i]]));
    }
  }
}

export function forget() {
  for (const tile of tiles.values()) tile.hasPast = false;
}

// ---- the states, to choose by

const LABELS = { OK: "OK", WARNING: "warning", CRITICAL: "critical", AWAY: "away" };
const buttons = {};
for (const group of Object.keys(GROUPS)) {
  const button = buttons[group] = make("button");
  button.type = "button";
  button.dataset.status = group;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    chosen = chosen === group ? null : group;
    for (const [name, one] of Object.entries(buttons)) one.setAttribute("aria-pressed", String(name === chosen));
    for (const tile of tiles.values()) mark(tile);
    count();
  });
  at("states").append(button);
}

export function count() {
  const counts = { OK: 0, WARNING: 0, CRITICAL: 0, AWAY: 0 };
  let shown = 0;
  for (const tile of tiles.values()) {
    const word = tile.button.dataset.status;
    for (const group of Object.keys(GROUPS)) if (GROUPS[group].includes(word)) counts[group] += 1;
    if (!tile.button.hidden) shown += 1;
  }
  for (const group of Object.keys(GROUPS)) write(buttons[group], counts[group] + " " + LABELS[group]);
  write(at("machine-count"), shown === tiles.size ? String(shown) : shown + " of " + tiles.size);
  write(at("no-machines"), tiles.size ? "No machine is in this state." : "No machine that the filter lets through has sent anything yet.");
  at("no-machines").hidden = shown > 0;
}
