/** The reading floor: who sends faster than the texts can be read is asked once, and never hurried. */

import { chose, hasChosen, report } from "./making.js";
import { list, name } from "./words.js";

// As in floor.py, which decides what is marked.
const MS_PER_WORD = 60;
const WORD = /[\u3400-\u4dbf\u4e00-\u9fff]|(?:(?![\u3400-\u4dbf\u4e00-\u9fff])[\p{L}\p{N}\p{M}_])+/gu;

export const words = (text) => text.match(WORD)?.length ?? 0;

/** How many milliseconds a card must be in view before nobody is asked about it. */
export const floorOf = (card) => MS_PER_WORD * words((card.querySelector(".raw") ?? card).textContent);

/** The letters of the cards that were in view for less than their floor, or whose ends never were. */
export function tooQuick(cards) {
  const { visible_ms: visible, seen } = report();
  const quick = (card) => {
    const { letter } = card.dataset;
    return !seen.includes(letter) || (visible[letter] ?? 0) < floorOf(card);
  };
  return cards.filter(quick).map((card) => card.dataset.letter);
}

/** Let the first submit ask where the texts were hardly in view; `look(letter)` shows the first of those. */
export function askOnce(form, dialog, cards, look) {
  const [which, again, send] = ["#quick-which", "#quick-look", "#quick-send"].map((id) => dialog.querySelector(id));
  let asked = form.dataset.floor === "false" || hasChosen();
  let quick = [];
  // Before anybody else hears of the submit.
  form.addEventListener("submit", (event) => {
    if (asked || event.defaultPrevented) return;
    asked = true;
    quick = tooQuick(cards);
    if (!quick.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    which.textContent = sentence(quick);
    again.textContent = interpolate(gettext("Look at %s"), [name(quick[0])]);
    dialog.showModal();
    again.focus();
  }, { capture: true });
  again.addEventListener("click", () => dialog.close("look"));
  send.addEventListener("click", () => dialog.close("send"));
  dialog.addEventListener("close", () => {
    const choice = dialog.returnValue === "send" ? "send" : "look";
    chose(choice);
    if (choice === "send") form.requestSubmit(form.querySelector("#submit"));
    else look(quick[0]);
  });
}

function sentence(letters) {
  const words = ngettext("Answer %(letters)s was hardly in view.", "Answers %(letters)s were hardly in view.", letters.length);
  return interpolate(words, { letters: list(letters) }, true);
}
