/** Keeps a round's page current: adds points to its plots as they are measured, and redraws it when the round moves. */

const REDRAW_PAUSE_MS = 400;
// As far outside of its axis, as a share of it, a value is still drawn where it lies.
const SLACK = 0.05;

// Samples stand in the drawn page only, and change with every update.
const SAMPLES_PAUSE_MS = 15_000;

const numbers = (text) => text.split(" ").map(Number);

function place(value, [low, high, start, end]) {
  return start + ((value - low) / (high - low)) * (end - start);
}

function isOutside(value, [low, high]) {
  const slack = (high - low) * SLACK;
  return value < low - slack || value > high + slack;
}

/** Adds rows to one plot. False where they do not fit its axes, or its steps went back: then the server draws it anew. */
function extend(plot, rows) {
  const [x, y] = [numbers(plot.dataset.x), numbers(plot.dataset.y)];
  const curve = plot.querySelector(".curve");
  const points = curve.getAttribute("points").trim().split(" ").filter(Boolean);
  let lastX = points.length ? Number(points.at(-1).split(",")[0]) : -Infinity;
  for (const row of rows.filter((each) => plot.dataset.metric in each)) {
    const value = row[plot.dataset.metric];
    const at = place(row.step, x);
    if (row.step > x[1] || isOutside(value, y) || at <= lastX) return false;
    points.push(`${at.toFixed(1)},${place(value, y).toFixed(1)}`);
    lastX = at;
  }
  curve.setAttribute("points", points.join(" "));
  mark(plot, rows.at(-1)[plot.dataset.metric], points.at(-1));
  return true;
}

/** Moves the dot and the last value to the line's new end. */
function mark(plot, value, point) {
  if (value === undefined || !point) return;
  const [x, y] = point.split(",").map(Number);
  const dot = plot.querySelector(".last");
  const label = plot.querySelector(".last-value");
  dot.setAttribute("cx", x);
  dot.setAttribute("cy", y);
  label.setAttribute("x", x + 8);
  label.setAttribute("y", y);
  label.textContent = Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Where somebody types or has opened something, nothing is pulled away from under them. */
function isInUse(part) {
  return (
    part.contains(document.activeElement) ||
    part.querySelector("details[open]") !== null ||
    [...part.querySelectorAll("input:not([type=hidden])")].some((field) => field.value !== field.defaultValue)
  );
}

async function redraw() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && !isInUse(part)) part.replaceWith(document.adoptNode(next));
  }
}

function tell({ headline, doing, sign, share }) {
  const write = (selector, text) => {
    for (const element of document.querySelectorAll(selector)) {
      if (element.textContent !== text) element.textContent = text;
    }
  };
  write("[data-headline]", headline);
  write("[data-doing]", doing);
  write("[data-sign]", sign);
  for (const pie of document.querySelectorAll("[data-pie]")) {
    const around = 2 * Math.PI * pie.r.baseVal.value;
    pie.setAttribute("stroke-dasharray", `${(share * around).toFixed(2)} ${around.toFixed(2)}`);
  }
}

function watch(address) {
  const source = new EventSource(address);
  let pending = 0;
  let drawn = Date.now();
  const redrawSoon = () => {
    clearTimeout(pending);
    drawn = Date.now();
    pending = setTimeout(redraw, REDRAW_PAUSE_MS);
  };
  source.addEventListener("points", (event) => {
    const { kind, rows } = JSON.parse(event.data);
    const plots = [...document.querySelectorAll(".plot")].filter((plot) => plot.dataset.kind === kind);
    const fits = plots.map((plot) => extend(plot, rows));
    const stale = document.querySelector("[data-samples]") && Date.now() - drawn > SAMPLES_PAUSE_MS;
    if (!plots.length || fits.includes(false) || stale) redrawSoon();
  });
  source.addEventListener("progress", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("state", redrawSoon);
  source.addEventListener("end", () => {
    source.close();
    redrawSoon();
  });
}

const page = document.querySelector("[data-events]");
if (page) watch(page.dataset.events);
