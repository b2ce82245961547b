/** Votes by keys: each button and link of the ballot names its own. Without this script the buttons do the same. */

import { hasModifier, isWriting, signOf } from "../annotations/keys.js";

document.addEventListener("keydown", (event) => {
  if (event.repeat || hasModifier(event) || isWriting(event)) return;
  const control = document.querySelector(`[data-ballot] [data-key="${CSS.escape(signOf(event))}"]`);
  if (!control) return;
  event.preventDefault();
  control.click();
});
