/** Which key does what on the ranking page. Text fields, dialogs and an input method at work keep their keys. */

import { hasModifier, isRedo, isSubmit, isUndo, isWriting, signOf } from "./keys.js";

const CONTROLS = "a, button, input, label, select, summary, textarea";
const REPEATS = ["ArrowUp", "ArrowDown", "Backspace", " "];

/** Signs beside the letters and numbers → what they do. The letters a to i are answers, however few there are. */
const commands = (act) => ({
  "=": () => act.tie("key"),
  "|": () => act.line("key"),
  Backspace: () => act.back("key"),
  r: () => act.seed?.("key"),
  t: () => act.compare?.(),
  n: act.note,
  w: act.noteOn,
  x: act.flags,
  q: act.flagAll,
  k: act.unsure,
  m: act.raw,
  s: act.skip,
  u: act.cannotJudge,
  o: act.guidelines,
  "?": act.keys,
});

/** Turn key presses into acts. `letters`: those on this page; `field`: where the order is typed. */
export function listen({ letters, field, act }) {
  const others = commands(act);
  let typing = false;

  /** Returns whether the sign was used; everything else is left to the browser. */
  function press(sign, event) {
    if (letters.includes(sign)) {
      if (event.shiftKey) act.look(sign);
      else act.place(sign, "key");
      return true;
    }
    if (/^[1-7]$/.test(sign)) return act.number(sign), true;
    if (sign === "ArrowUp" || sign === "ArrowDown") {
      return event.target.type !== "radio" && Boolean(act.move?.(sign === "ArrowUp" ? -1 : 1, "key"));
    }
    // Between the letters of an order one space is a space; on a button it presses, anywhere else it reads on.
    if (sign === " ") return !event.target.closest(CONTROLS) && (typing || act.page(event.shiftKey ? -1 : 1), true);
    if (!Object.hasOwn(others, sign)) return false;
    others[sign]();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (isSubmit(event)) return event.preventDefault(), event.repeat || act.submit();
    if (document.querySelector("dialog[open]")) return pressInDialog(event);
    if (event.key === "Escape") return act.leave(event.target);
    if (isWriting(event) && !(event.target === field && endsOrder(event, field))) return undefined;
    if (isUndo(event)) return event.preventDefault(), act.undo("key");
    if (isRedo(event)) return event.preventDefault(), act.redo("key");
    const sign = signOf(event);
    if (hasModifier(event) || (event.repeat && !REPEATS.includes(sign))) return undefined;
    if (press(sign, event)) event.preventDefault();
    typing = letters.includes(sign) || sign === "=" || sign === "|";
    return undefined;
  });
}

/** At the end of the typed order the keys act as everywhere; inside it they edit text. */
function endsOrder(event, field) {
  if (event.isComposing || event.keyCode === 229) return false;
  const atEnd = field.selectionStart === field.value.length && field.selectionEnd === field.value.length;
  return atEnd && !document.getElementById("order-problem").textContent;
}

function pressInDialog(event) {
  if (hasModifier(event) || isWriting(event)) return;
  const choice = document.querySelector(`dialog[open] [data-key="${signOf(event)}"]`);
  if (choice) event.preventDefault();
  choice?.click();
}
