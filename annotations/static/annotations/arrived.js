/** The page after an answer was taken: the device's copy of it goes, and it can be taken back for ten seconds. */

import { isUndo } from "./keys.js";
import { forget, marked } from "./store.js";

const TO_UNDO = 10_000;
const toasts = document.querySelector(".toasts");
const undo = [...document.querySelectorAll("[data-undo]")].at(-1);

for (const toast of document.querySelectorAll("[data-answered]")) {
  const copy = marked(toast.dataset.answered);
  if (copy) forget(copy);
}

// A screen reader says what comes into a live region, not what it was loaded with.
if (toasts) setTimeout(() => toasts.replaceChildren(...toasts.children), 100);

// The first thing to undo is what was done on this page; before that, the answer that was sent.
function onKey(event) {
  if (!isUndo(event) || event.isComposing || !undo.isConnected || document.querySelector("[data-touched], dialog[open]")) return;
  event.preventDefault();
  event.stopPropagation();
  undo.querySelector("form").requestSubmit();
}

function goAway() {
  if (undo.matches(":hover, :focus-within")) setTimeout(goAway, 1000);
  else undo.remove();
}

if (undo) {
  document.addEventListener("keydown", onKey, { capture: true });
  setTimeout(goAway, TO_UNDO);
}
