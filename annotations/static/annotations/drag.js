/** Dragging a row of the tray by its handle, with mouse or finger. Keys and buttons do the same elsewhere. */

/**
 * Let the rows of `list` be dragged by elements with `data-grip`; Escape puts a row back.
 * `drop(from, target)` is called with target {gap: n} (before row n) or {onto: n} (tie with row n),
 * `over(from, target)` whenever the target changes: it is null where the row was lifted, undefined once it is put back.
 */
export function draggable(list, mark, drop, over) {
  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip || event.button !== 0 || list.querySelector(".lifted")) return;
    event.preventDefault();
    start(list, mark, grip.closest("[data-row]"), event, { drop, over });
  });
}

function start(list, mark, row, event, { drop, over }) {
  const [originY, from] = [event.clientY, Number(row.dataset.row)];
  let target = null;
  row.classList.add("lifted");
  row.setPointerCapture(event.pointerId);
  over(from, target);
  const move = (moved) => {
    row.style.transform = `translateY(${moved.clientY - originY}px)`;
    const next = targetAt(list, row, moved.clientY);
    if (JSON.stringify(next) !== JSON.stringify(target)) over(from, next);
    target = next;
    show(list, mark, target);
  };
  const end = (ended) => {
    finish();
    if (ended.type === "pointerup" && target) drop(from, target);
    else over(from, undefined);
  };
  // Before the page's own Escape, and before a dialog's.
  const escape = (pressed) => {
    // A key that placed something drew the rows anew: there is nothing to put back.
    if (!row.isConnected) return finish();
    if (pressed.key !== "Escape") return undefined;
    pressed.stopPropagation();
    pressed.preventDefault();
    return end(pressed);
  };
  const finish = () => {
    row.removeEventListener("pointermove", move);
    row.removeEventListener("pointerup", end);
    row.removeEventListener("pointercancel", end);
    removeEventListener("keydown", escape, true);
    row.classList.remove("lifted");
    row.style.transform = "";
    show(list, mark, null);
  };
  row.addEventListener("pointermove", move);
  row.addEventListener("pointerup", end);
  row.addEventListener("pointercancel", end);
  addEventListener("keydown", escape, true);
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
