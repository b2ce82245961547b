/** The demonstration page: a draft on this device, Ctrl+Enter, the skip menu, and how the text was made. */

import { keepDraft } from "./draft.js";
import { hasModifier, isSubmit, isWriting, signOf } from "./keys.js";
import { showLease } from "./lease.js";
import { report, used } from "./making.js";
import { sendBy } from "./send.js";

const $ = (id) => document.getElementById(id);
const form = $("desk");
const texts = [...form.querySelectorAll("textarea")];

function onKey(event) {
  if (isSubmit(event)) return event.preventDefault(), form.requestSubmit($("submit"));
  if (isWriting(event) || hasModifier(event)) return undefined;
  const dialog = document.querySelector("dialog[open]");
  if (dialog) return dialog.querySelector(`[data-key="${signOf(event)}"]`)?.click();
  if (signOf(event) === "s") $("skip-dialog").showModal();
  return undefined;
}

function grow(text) {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
}

function empty() {
  return texts.find((text) => !text.value.trim());
}

function showMissing() {
  $("submit").setAttribute("aria-disabled", String(Boolean(empty())));
  $("missing").textContent = empty() ? gettext("A turn is still empty") : "";
}

function onSubmit(event) {
  if (event.submitter?.value !== "submit") return undefined;
  if (empty()) return event.preventDefault(), empty().focus();
  $("id_making").value = JSON.stringify(report());
  return undefined;
}

document.documentElement.classList.add("js");
keepDraft(form, /^content$/);
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
form.addEventListener("input", showMissing);
form.addEventListener("submit", onSubmit);
showMissing();
showLease();
form.addEventListener("restored", () => {
  texts.forEach(grow);
  showMissing();
});
sendBy(form);
