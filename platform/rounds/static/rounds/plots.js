/** Adds points to the server's plots in the browser; where they do not fit, the server has to draw them anew. */

// As far outside of its axis, as a share of it, a value is still drawn where it lies.
const SLACK = 0.05;

const numbers = (text) => text.split(" ").map(Number);

function place(value, [low, high, start, end]) {
  return start + ((value - low) / (high - low)) * (end - start);
}

function isOutside(value, [low, high]) {
  const slack = (high - low) * SLACK;
  return value < low - slack || value > high + slack;
}

/** As short as the server writes it: three digits, and a whole number as it is. */
function figure(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 0.1 ? value.toFixed(2) : String(Number(value.toPrecision(2)));
}

/** Adds the rows that a plot does not show yet. False where one does not fit its axes. */
export function extend(plot, rows) {
  const [x, y] = [numbers(plot.dataset.x), numbers(plot.dataset.y)];
  const metric = plot.dataset.metric;
  const fresh = rows.filter((row) => metric in row && row.step > Number(plot.dataset.step));
  if (fresh.some((row) => row.step > x[1] || isOutside(row[metric], y))) return false;
  if (!fresh.length) return true;
  const curve = plot.querySelector(".curve");
  const points = fresh.map((row) => `${place(row.step, x).toFixed(1)},${place(row[metric], y).toFixed(1)}`);
  curve.setAttribute("points", [curve.getAttribute("points").trim(), ...points].join(" "));
  plot.dataset.step = fresh.at(-1).step;
  mark(plot, fresh.at(-1)[metric], points.at(-1));
  return true;
}

/** Moves the dot and the last value to the line's new end. */
function mark(plot, value, point) {
  const [x, y] = point.split(",").map(Number);
  const dot = plot.querySelector(".last");
  const label = plot.querySelector(".last-value");
  dot.setAttribute("cx", x);
  dot.setAttribute("cy", y);
  label.setAttribute("x", x + 8);
  label.setAttribute("y", y);
  label.textContent = figure(value);
}
