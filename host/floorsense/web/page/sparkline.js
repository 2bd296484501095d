// The last five minutes of a value, small. Drawn once a second at most, and only where somebody can see it.

const SPAN_MS = 300000;
const MOST = 600;

export class Sparkline {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.points = [];
    this.isDue = true;
    this.colour = "";
    this.pen = null;
  }

  // In their order; what is older than the last is let pass.
  add(ts, value) {
    const last = this.points.length ? this.points[this.points.length - 1][0] : 0;
    if (ts <= last) return;
    this.points.push([ts, value]);
    if (this.points.length > MOST || this.points[0][0] < ts - 1.2 * SPAN_MS) this.points = this.points.filter((one) => one[0] >= ts - SPAN_MS).slice(-MOST);
    this.isDue = true;
  }

  // Of the time before the first that is here.
  prepend(earlier) {
    const first = this.points.length ? this.points[0][0] : Infinity;
    this.points = earlier.filter((one) => one[0] < first).concat(this.points);
    this.isDue = true;
  }

  // ``colour`` as a canvas takes one. Its size is asked for once: each time it would make the browser lay out what has changed.
  draw(colour) {
    if (!this.isDue && colour === this.colour) return;
    const canvas = this.canvas, scale = window.devicePixelRatio || 1;
    if (!this.pen) {
      if (!canvas.clientWidth) return;
      canvas.width = Math.round(canvas.clientWidth * scale);
      canvas.height = Math.round(canvas.clientHeight * scale);
      this.pen = canvas.getContext("2d");
    }
    this.isDue = false;
    this.colour = colour;
    const pen = this.pen, width = canvas.width, height = canvas.height;
    pen.clearRect(0, 0, width, height);
    const known = this.points.filter((one) => one[1] !== null);
    if (known.length < 2) return;
    const end = known[known.length - 1][0], begin = end - SPAN_MS;
    let low = Infinity, high = -Infinity;
    for (const [, value] of known) { low = Math.min(low, value); high = Math.max(high, value); }
    // What hardly moves is not blown up to look as if it did.
    const least = Math.max(Math.abs(high) * 0.002, 0.02);
    if (high - low < least) { const middle = (high + low) / 2; low = middle - least / 2; high = middle + least / 2; }
    const edge = 2 * scale;
    const x = (ts) => edge + (width - 2 * edge) * Math.max(0, (ts - begin) / SPAN_MS);
    const y = (value) => edge + (height - 2 * edge) * (1 - (value - low) / (high - low));
    pen.lineWidth = 1.4 * scale;
    pen.lineJoin = "round";
    pen.strokeStyle = pen.fillStyle = colour;
    pen.beginPath();
    let before = null;
    for (const [ts, value] of this.points) {
      if (value === null || ts < begin) { before = null; continue; }
      // Half a minute without a reading is a gap, and no line.
      if (before === null || ts - before > 30000) pen.moveTo(x(ts), y(value)); else pen.lineTo(x(ts), y(value));
      before = ts;
    }
    pen.stroke();
    pen.beginPath();
    pen.arc(x(end), y(known[known.length - 1][1]), 1.8 * scale, 0, 7);
    pen.fill();
  }
}
