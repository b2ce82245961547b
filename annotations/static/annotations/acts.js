/** What keys and buttons do on both ranking pages, whatever is ordered there and however. */

import { page } from "./paging.js";
import { closePanels, flagByNumber, openPanel, toggleFlags } from "./panels.js";

const $ = (id) => document.getElementById(id);

/** `current()` is the letter of the answer in focus, or null; `look(letter)` goes to one; `say` is heard. */
export function commonActs({ form, letters, current, look, say }) {
  const withCurrent = (does) => () => (current() ? does(current()) : say(gettext("Look at an answer first: Shift and its letter.")));
  return {
    look,
    note: () => openPanel("note", "textarea"),
    noteOn: withCurrent((letter) => openPanel(`flags-${letter}`, "textarea")),
    flags: withCurrent((letter) => toggleFlags(`flags-${letter}`)),
    flagAll: () => toggleFlags("slate-flags"),
    unsure: () => beUnsure(say),
    raw: () => showRaw(form, say),
    skip: () => open($("skip-dialog")),
    cannotJudge: () => $("cannot-judge").click(),
    guidelines: () => open($("guidelines-dialog")),
    keys: () => open($("keys-dialog")),
    page: (step) => readOn({ letters, current: current(), look }, step),
    leave: (from) => closePanels(form, from),
  };
}

/** Open a dialog; `choice` is the value of the button in it that gets the focus. */
export function open(dialog, choice) {
  if (!dialog) return;
  if (!dialog.open) dialog.showModal();
  if (choice) dialog.querySelector(`[value="${choice}"]`).focus();
}

/** Tick the flag of this number where a panel of flags is open, and say so. Returns whether there was one. */
export function flag(number, say) {
  const found = flagByNumber(number);
  if (found) say(interpolate(found.checked ? gettext("Flagged: %s") : gettext("No longer flagged: %s"), [found.words]));
  return found !== null;
}

export function goTo(card) {
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function readOn({ letters, current, look }, step) {
  if (current && page($(`answer-${current}`), step)) return;
  const next = letters[current ? letters.indexOf(current) + step : 0];
  if (next) look(next);
}

function showRaw(form, say) {
  if (!$("raw")) return say(gettext("These texts are shown as they were written."));
  const raw = form.classList.toggle("is-raw");
  $("raw").setAttribute("aria-pressed", String(raw));
  for (const shown of form.querySelectorAll(".prose")) shown.hidden = raw;
  for (const shown of form.querySelectorAll(".prose + .raw")) shown.hidden = !raw;
  return say(raw ? gettext("Raw text") : gettext("Rendered text"));
}

function beUnsure(say) {
  $("id_unsure").click();
  say($("id_unsure").checked ? gettext("Marked as unsure") : gettext("No longer marked as unsure"));
}
