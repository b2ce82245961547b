/** The numbers 1 to 7 on each card: chosen by key or click, and taken back by choosing the same again. */

import { name } from "./words.js";

/** The person's own ratings: letter → number. */
export function ratingsOf(form) {
  return new Map([...form.querySelectorAll("input[name^=rating-]:checked")].map((input) => [input.name.at(-1), Number(input.value)]));
}

/** Show on each card what a draft or an earlier answer left chosen. */
export function showRatings(form) {
  for (const input of form.querySelectorAll("input[name^=rating-]:checked")) show(input);
}

/** Rate the answer in focus, or take the same rating back, and say so. */
export function rateBy(form, letter, number, say) {
  if (!letter && form.querySelector(".rating")) return say(gettext("Look at an answer first: Shift and its letter."));
  const input = form.querySelector(`input[name="rating-${letter}"][value="${number}"]`);
  if (!input) return undefined;
  set(input, !input.checked);
  const words = input.checked ? gettext("%(letter)s is rated %(number)s") : gettext("The rating of %(letter)s is taken back");
  return say(interpolate(words, { letter: name(letter), number }, true));
}

// A second click on the chosen number takes the rating back, which radio buttons alone cannot.
export function onRatingClick(event) {
  const input = event.target;
  if (input.type !== "radio") return;
  set(input, input.dataset.was !== "1");
}

function set(input, checked) {
  const changed = input.checked !== checked;
  input.checked = checked;
  show(input);
  if (changed) input.dispatchEvent(new Event("change", { bubbles: true }));
}

function show(input) {
  for (const other of input.form.elements[input.name]) other.dataset.was = other.checked ? "1" : "";
  input.closest(".rating").querySelector(".rating-word").textContent = input.checked ? input.dataset.word : "";
}
