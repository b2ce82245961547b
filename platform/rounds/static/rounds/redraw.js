/** Replaces the live parts of a page by what the server draws now, and pulls nothing away from under anybody. */

const PAUSE_MS = 400;
const RETRY_MS = 3000;

let pending = 0;
let drawing = false;
let wanted = false;

/** A form that somebody is in the middle of stays as it is. */
function isInUse(part) {
  const active = document.activeElement;
  return (
    (part.contains(active) && (active.closest("form") !== null || !active.id)) ||
    part.querySelector("details[open] form") !== null ||
    [...part.querySelectorAll("input:not([type=hidden])")].some((field) => field.value !== field.defaultValue)
  );
}

/** Puts the fresh part in the old one's place; what was open stays open, and the focus stays where it was. */
function swap(part, next) {
  const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const fresh = document.adoptNode(next);
  part.replaceWith(fresh);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) (document.getElementById(focused) ?? fresh.querySelector("a"))?.focus({ preventScroll: true });
}

async function draw() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  // Signed out, or no longer somebody who may look: the server says so better than this script.
  if (answer.redirected || answer.status === 403 || answer.status === 404) return location.reload();
  if (!answer.ok) throw new Error(`the page is answered with ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = part.isConnected && fresh.getElementById(part.id);
    if (next && !isInUse(part)) swap(part, next);
  }
  document.dispatchEvent(new CustomEvent("redrawn"));
}

/** Draws now, one after the other; where the server does not answer, again in a while. */
export async function redraw() {
  if (drawing) {
    wanted = true;
    return;
  }
  drawing = true;
  wanted = false;
  document.dispatchEvent(new CustomEvent("redrawing"));
  try {
    await draw();
  } catch {
    redrawSoon(RETRY_MS);
  } finally {
    drawing = false;
    if (wanted) redrawSoon();
  }
}

export function redrawSoon(pause = PAUSE_MS) {
  clearTimeout(pending);
  pending = setTimeout(redraw, pause);
}
