/** Dragging a row of the tray by its handle, with mouse or finger. Keys and buttons do the same elsewhere. */

/**
 * Let the rows of `list` be dragged by elements with `data-grip`.
 * `drop(from, target)` is called with target {gap: n} (before row n) or {onto: n} (tie with row n).
 */
export function draggable(list, mark, drop) {
  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip || event.button !== 0) return;
    event.preventDefault();
    start(list, mark, grip.closest("[data-row]"), event, drop);
  });
}

function start(list, mark, row, event, drop) {
  const originY = event.clientY;
  let target = null;
  row.classList.add("lifted");
  row.setPointerCapture(event.pointerId);
  const move = (moved) => {
    row.style.transform = `translateY(${moved.clientY - originY}px)`;
    target = targetAt(list, row, moved.clientY);
    show(list, mark, target);
  };
  const end = (ended) => {
    row.removeEventListener("pointermove", move);
    row.removeEventListener("pointerup", end);
    row.removeEventListener("pointercancel", end);
    row.classList.remove("lifted");
    row.style.transform = "";
    show(list, mark, null);
    if (ended.type === "pointerup" && target) drop(Number(row.dataset.row), target);
  };
  row.addEventListener("pointermove", move);
  row.addEventListener("pointerup", end);
  row.addEventListener("pointercancel", end);
}

/** The middle half of another tier ties with it; nearer to an edge is the gap there. */
function targetAt(list, lifted, y) {
  const others = [...list.querySelectorAll("[data-row]")].filter((row) => row !== lifted);
  for (const row of others) {
    const box = row.getBoundingClientRect();
    const share = (y - box.top) / box.height;
    if (share < 0.25) return { gap: Number(row.dataset.row) };
    if (share < 0.75 && isTier(row) && isTier(lifted)) return { onto: Number(row.dataset.row) };
    if (share < 0.5) return { gap: Number(row.dataset.row) };
  }
  return others.length ? { gap: list.querySelectorAll("[data-row]").length } : null;
}

const isTier = (row) => row.classList.contains("tier");

function show(list, mark, target) {
  for (const row of list.querySelectorAll(".drop-onto")) row.classList.remove("drop-onto");
  mark.hidden = target?.gap === undefined;
  if (target?.onto !== undefined) list.querySelector(`[data-row="${target.onto}"]`).classList.add("drop-onto");
  if (mark.hidden) return;
  const row = list.querySelector(`[data-row="${target.gap}"]`);
  const last = [...list.querySelectorAll("[data-row]")].at(-1);
  const y = row ? row.offsetTop - 5 : last.offsetTop + last.offsetHeight + 3;
  mark.style.transform = `translateY(${y}px)`;
}
