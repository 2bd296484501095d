// One machine: what is known of its board, and its charts: history from the API, joined to what comes.
import { ask, at, clock, make, number, span, unit, write } from "/page/text.js";

const MOST_POINTS = 20000;
const HOUR_MS = 3600000;
let station = null;            // the machine that is shown
let charts = new Map();        // topic: {element, x, y, low, high, ...}
const panel = at("detail");

export const shown = () => station;

export async function show(name, status) {
  station = name;
  charts = new Map();
  const parts = name.split("/");
  write(at("detail-title"), parts[parts.length - 1]);
  write(at("detail-where"), parts.slice(0, -1).join(" / "));
  setStatus(status);
  at("facts").replaceChildren();
  at("charts").replaceChildren(make("p", "calm", "loading ..."));
  if (!panel.open) panel.showModal();
  await refresh();
}

export function setStatus(word) {
  write(at("detail-status"), word);
  if (word) at("detail-status").dataset.status = word.split(",")[0].toUpperCase();
}

export async function refresh() {
  if (station === null) return;
  try {
    await Promise.all([ready(), facts(station)]);
    await history(station);
  } catch (error) { at("charts").replaceChildren(make("p", "calm", error.message)); }
}

// ---- what is known of the board

async function facts(name) {
  const told = await ask("/api/v1/stations/" + name.split("/").map(encodeURIComponent).join("/"));
  if (station !== name) return;
  const birth = told.birth || {}, health = told.health || {};
  const missing = told.latest.reduce((sum, one) => sum + one.missing, 0);
  const lines = [
    ["board", birth.board], ["firmware", birth.firmware], ["starts", told.boot],
    ["up for", health.uptime === undefined ? undefined : span(1000 * health.uptime + clock.now() - told.health_at)],
    ["last start", health.reset || birth.reset], ["Wi-Fi", health.rssi == null ? undefined : health.rssi + " dBm"],
    ["heap free", health.heap_free == null ? undefined : Math.round(health.heap_free / 1024) + " KiB"],
    ["waiting on it", health.queued], ["clock", health.clock], ["trouble", health.trouble || undefined],
    ["missing in this start", told.latest.length ? missing : undefined],
  ];
  at("facts").replaceChildren(...lines.filter((line) => line[1] !== undefined && line[1] !== null).map(([label, value]) => {
    const pair = make("div");
    pair.append(make("dt", "", label), make("dd", "", String(value)));
    return pair;
  }));
}

// ---- charts

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

const wideness = () => Number(document.querySelector("#span input:checked").value);

async function history(name) {
  const wide = wideness(), to = Math.round(clock.now());
  const step = wide <= HOUR_MS ? 0 : Math.max(60000, Math.ceil(wide / 1500 / 60000) * 60000);
  const told = await ask("/api/v1/series?topic=" + encodeURIComponent(name + "/+") + "&from=" + (to - wide) + (step ? "&step=" + step : "") + "&most=10");
  if (station !== name || wide !== wideness()) return;
  const before = charts;
  charts = new Map();
  at("charts").replaceChildren();
  for (const one of told.series) {
    const chart = { element: make("div", "chart"), x: one.ts.slice(), y: (one.value || one.mean).slice(), low: one.low, high: one.high,
      ts: one.ts, name: one.topic.split("/").pop(), unit: one.unit, due: false };
    const known = before.get(one.topic);
    if (known) {
      const last = chart.x.length ? chart.x[chart.x.length - 1] : 0;
      known.x.forEach((ts, i) => { if (ts > last) { chart.x.push(ts); chart.y.push(known.y[i]); } });
    }
    charts.set(one.topic, chart);
    chart.element.setAttribute("role", "img");
    at("charts").append(chart.element);
    draw(chart);
  }
  if (!told.series.length) at("charts").append(make("p", "calm", "Nothing was measured in this time."));
}

// Where nothing was measured there is no line.
function broken(x, y) {
  const steps = x.slice(1).map((ts, i) => ts - x[i]).sort((a, b) => a - b);
  const longest = Math.max(10000, 6 * (steps[steps.length >> 1] || 0));
  const dates = [], values = [];
  x.forEach((ts, i) => {
    if (i && ts - x[i - 1] > longest) { dates.push(new Date(x[i - 1] + 1)); values.push(null); }
    dates.push(new Date(ts));
    values.push(y[i]);
  });
  return [dates, values];
}

function draw(chart) {
  const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name).trim();
  // Plotly reads its texts as a small markup of its own.
  const safe = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const [x, y] = broken(chart.x, chart.y), traces = [], line = { color: colour("--info"), width: 1.8 };
  if (chart.low) {
    const dates = chart.ts.map((ts) => new Date(ts)), edge = { x: dates, mode: "lines", line: { width: 0 }, hoverinfo: "skip" };
    traces.push({ ...edge, y: chart.low }, { ...edge, y: chart.high, fill: "tonexty", fillcolor: colour("--info-soft") });
  }
  traces.push({ x, y, mode: x.length < 3 ? "markers" : "lines", line, connectgaps: false, hovertemplate: "%{y} " + safe(unit(chart.unit)) + "<br>%{x}<extra></extra>" });
  const axis = { gridcolor: colour("--line"), zeroline: false, linecolor: colour("--line") };
  const to = Math.max(clock.now(), chart.x.length ? chart.x[chart.x.length - 1] : 0);
  Plotly.react(chart.element, traces, {
    title: { text: safe(chart.name) + " in " + safe(unit(chart.unit)) + (chart.low ? ": mean, least and greatest" : ""), font: { size: 14 }, x: 0, xanchor: "left", pad: { l: 6 } },
    margin: { t: 34, r: 12, b: 36, l: 56 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("--ink"), size: 12 },
    xaxis: { ...axis, type: "date", range: [new Date(to - wideness()), new Date(to)] }, yaxis: axis, uirevision: "kept", showlegend: false,
  }, { displayModeBar: false, responsive: true });
  chart.element.dataset.points = chart.x.length;
  const last = chart.y[chart.y.length - 1];
  chart.element.setAttribute("aria-label", chart.name + ": " + chart.x.length + " points" + (last === undefined ? "" : ", the last " + number(last, chart.unit) + " " + unit(chart.unit)));
}

export function extend(reading) {
  const chart = charts.get(reading.topic), ts = reading.ts;
  if (!chart || (chart.x.length && ts <= chart.x[chart.x.length - 1])) return;
  chart.x.push(ts);
  chart.y.push(reading.value);
  const oldest = ts - wideness();
  let gone = 0;
  while (gone < chart.x.length && chart.x[gone] < oldest) gone++;
  gone = Math.max(gone, chart.x.length - MOST_POINTS);
  if (gone > 0) { chart.x.splice(0, gone); chart.y.splice(0, gone); }
  if (chart.due) return;
  chart.due = true;
  setTimeout(() => { chart.due = false; if (charts.get(reading.topic) === chart) draw(chart); }, 1000);
}

at("span").addEventListener("change", () => { charts.clear(); refresh(); });
at("close").addEventListener("click", () => panel.close());
// A press on what lies behind it closes it as well.
panel.addEventListener("click", (event) => { if (event.target === panel && event.clientX < panel.getBoundingClientRect().left) panel.close(); });
panel.addEventListener("close", () => { station = null; charts.clear(); at("charts").replaceChildren(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const chart of charts.values()) draw(chart); });
