// The link to the server: a WebSocket, or events where that is blocked; it comes back by itself.
import { at, write } from "/page/text.js";

const RESTS_MS = [500, 1000, 2000, 5000, 10000];
let socket = null, events = null, failures = 0;
let heard = () => {}, came = () => {}, wanted = "#";

export const count = { reconnects: -1 };

function say(link, text) {
  at("link").dataset.link = link;
  write(at("link"), text);
}

// ``hear`` takes each message's text, ``arrive`` is told that a link is there, and that what was missed can be asked for.
export function open(filter, hear, arrive) {
  wanted = filter;
  heard = hear;
  came = arrive;
  connect();
}

export function narrow(filter) {
  wanted = filter;
  if (socket && socket.readyState === 1) socket.send(JSON.stringify({ filter }));
  else if (events) stream();
}

function connect() {
  let wasOpen = false;
  socket = new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/api/v1/live/ws");
  socket.onopen = () => {
    wasOpen = true;
    failures = 0;
    count.reconnects += 1;
    say("live", "live");
    socket.send(JSON.stringify({ filter: wanted, together: true, ping: Date.now() }));
    came();
  };
  socket.onmessage = (message) => heard(message.data);
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
  events = new EventSource("/api/v1/live/events?filter=" + encodeURIComponent(wanted));
  events.onopen = () => { count.reconnects += 1; say("events", "live, by events"); came(); };
  events.onmessage = (message) => heard(message.data);
  events.onerror = () => {
    say("away", "no connection; trying again");
    events.close();
    events = null;
    setTimeout(connect, RESTS_MS[Math.min(failures, RESTS_MS.length) - 1]);
  };
}

setInterval(() => { if (socket && socket.readyState === 1) socket.send(JSON.stringify({ ping: Date.now() })); }, 5000);
