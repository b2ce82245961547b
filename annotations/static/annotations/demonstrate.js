/** The demonstration page: a draft on this device, its keys, the skip menu, what is missing, how the text was made. */

import { keepDraft } from "./draft.js";
import { hasModifier, isSubmit, isWriting, signOf } from "./keys.js";
import { showLease } from "./lease.js";
import { report, used } from "./making.js";
import { keepPreviews } from "./preview.js";
import { sendBy } from "./send.js";

const $ = (id) => document.getElementById(id);
const form = $("desk");
const texts = [...form.querySelectorAll(".turn")];
const longest = Number(form.dataset.longest);

function onKey(event) {
  if (isSubmit(event)) return event.preventDefault(), form.requestSubmit($("submit"));
  if (goesOn(event)) return event.preventDefault(), form.querySelector("[value=continue]:enabled")?.click();
  if (isWriting(event) || hasModifier(event)) return undefined;
  const dialog = document.querySelector("dialog[open]");
  if (dialog) return dialog.querySelector(`[data-key="${signOf(event)}"]`)?.click();
  if (signOf(event) === "s") $("skip-dialog").showModal();
  return undefined;
}

const goesOn = (event) => (event.ctrlKey || event.metaKey) && event.shiftKey && event.code === "KeyU";

function say(sentence) {
  $("said").textContent = sentence;
}

function grow(text) {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
}

/** What stops the turns from being sent: where it is, and in words. Nothing: null. */
function fault() {
  const empty = texts.find((text) => !text.value.trim());
  if (empty) return { at: empty, words: gettext("A turn is still empty") };
  const long = texts.find((text) => [...text.value].length > longest);
  if (long) return { at: long, words: interpolate(gettext("A turn is longer than %s characters"), [longest]) };
  if (texts.length % 2 === 0) return { at: texts.at(-1), words: gettext("The last turn is the user's") };
  return null;
}

function showFault() {
  const found = fault();
  $("submit").setAttribute("aria-disabled", String(Boolean(found)));
  $("missing").textContent = found ? found.words : "";
}

function onSubmit(event) {
  if (event.submitter?.value !== "submit") return undefined;
  const found = fault();
  if (found) return event.preventDefault(), found.at.focus(), say(found.words);
  $("id_making").value = JSON.stringify(report());
  return undefined;
}

document.documentElement.classList.add("js");
keepDraft(form, /^(content|origin)$/);
keepPreviews(form, $("advice"), say);
document.addEventListener("keydown", onKey);
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (!opener) return;
  event.preventDefault();
  $(opener.dataset.opens).showModal();
});
for (const text of texts) {
  text.addEventListener("input", () => grow(text));
  text.addEventListener("input", () => used("typed"));
  text.addEventListener("paste", () => used("paste"));
  grow(text);
}
form.addEventListener("input", showFault);
form.addEventListener("submit", onSubmit);
showFault();
showLease();
form.addEventListener("restored", () => {
  texts.forEach(grow);
  showFault();
});
sendBy(form);
