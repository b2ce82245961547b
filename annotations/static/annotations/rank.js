/** The ranking page: what each key, click and drop does. The form field stays the truth that is sent. */

import * as orders from "./order.js";
import { draggable } from "./drag.js";
import { keepDraft } from "./draft.js";
import { hasModifier, isSubmit, isUndo, isWriting, signOf } from "./keys.js";
import { showLease } from "./lease.js";
import { report, used, watch } from "./making.js";
import { sendBy } from "./send.js";
import { draw } from "./tray.js";
import { name, problem, spoken, whatIsMissing } from "./words.js";

const $ = (id) => document.getElementById(id);
const form = $("desk");
const field = $("id_order");
const letters = [...form.dataset.letters];
// What the project does not ask is not on the page, and its key does nothing.
const asksCut = form.dataset.cut === "true";
const past = [];
let order = orders.EMPTY;
let current = null;
let typing = false;

/** Take a new order: keep the old one for undo, write the field, draw, and say it. */
function become(next, { input, fresh = null, typed = false } = {}) {
  if (orders.write(next) === orders.write(order)) return;
  past.push(order);
  used(input);
  order = next;
  if (!typed) field.value = orders.write(order) + (order.tiers.length ? " " : "");
  if (!typed) $("order-problem").textContent = "";
  if (fresh) current = fresh;
  form.classList.remove("is-asked");
  redraw(fresh);
  draft.save();
  say(spoken(order));
}

function redraw(fresh = null) {
  const partial = form.dataset.partial === "true";
  draw({ order, letters, ratings: ratings(), partial, current }, fresh);
}

function ratings() {
  return new Map([...form.querySelectorAll("input[name^=rating-]:checked")].map((input) => [input.name.at(-1), Number(input.value)]));
}

function say(sentence) {
  $("said").textContent = sentence;
}

const act = {
  place: (letter, input) => become(orders.place(order, letter), { input, fresh: letter }),
  remove: (letter, input) => become(orders.remove(order, letter), { input }),
  tie: (input) => become(orders.tie(order), { input }),
  line: (input) => asksCut && become(orders.drawLine(order), { input }),
  back: (input) => become(orders.takeBack(order), { input }),
};

function toggle(letter, input) {
  const placed = orders.tierOf(order, letter) >= 0;
  (placed ? act.remove : act.place)(letter, input);
}

function undo() {
  const before = past.pop();
  if (!before) return;
  become(before, { input: "key" });
  past.pop();
}

function look(letter) {
  current = letter;
  redraw();
  const card = $(`answer-${letter}`);
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function rate(number) {
  if (!current && form.querySelector(".rating")) return say(gettext("Look at an answer first: Shift and its letter."));
  const input = form.querySelector(`input[name="rating-${current}"][value="${number}"]`);
  if (!input) return undefined;
  input.checked = !input.checked;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  const words = input.checked ? gettext("%(letter)s is rated %(number)s") : gettext("The rating of %(letter)s is taken back");
  return say(interpolate(words, { letter: name(current), number }, true));
}

function move(step) {
  if (!current || orders.tierOf(order, current) < 0) return false;
  become(orders.moveLetter(order, current, step), { input: "key" });
  return true;
}

function send() {
  if ($("submit").getAttribute("aria-disabled") === "true") {
    form.classList.add("is-asked");
    return say(whatIsMissing(order, letters));
  }
  return form.requestSubmit($("submit"));
}

function open(dialog, choice) {
  if (!dialog.open) dialog.showModal();
  if (choice) dialog.querySelector(`[value="${choice}"]`).focus();
}

/** Keys that act; everything else is left to the browser. Returns whether the key was used. */
function press(sign, event) {
  if (letters.includes(sign)) {
    if (event.shiftKey) look(sign);
    else act.place(sign, "key");
    return true;
  }
  if (/^[1-7]$/.test(sign)) return rate(sign), true;
  const moves = { ArrowUp: -1, ArrowDown: 1 };
  if (sign in moves) return event.target.type !== "radio" && move(moves[sign]);
  const others = {
    "=": () => act.tie("key"),
    "|": () => act.line("key"),
    Backspace: () => act.back("key"),
    n: () => openNote(),
    s: () => open($("skip-dialog")),
    u: () => $("cannot-judge").click(),
    x: () => $(`flags-${current}`)?.querySelector("summary").click(),
    o: () => $("guidelines-dialog") && open($("guidelines-dialog")),
    "?": () => open($("keys-dialog")),
  };
  others[sign]?.();
  return sign in others;
}

function openNote() {
  if (!$("note")) return;
  $("note").open = true;
  $("id_note").focus();
}

function onKey(event) {
  if (isSubmit(event)) return event.preventDefault(), send();
  if (document.querySelector("dialog[open]")) return pressInDialog(event);
  if (event.key === "Escape") return leaveNote(event);
  if (isWriting(event) && !endsOrder(event)) return undefined;
  if (isUndo(event)) return event.preventDefault(), undo();
  if (hasModifier(event)) return undefined;
  const sign = signOf(event);
  // Between the letters of an order a space is a space; anywhere else it pages as it always does.
  if ((sign === " " && typing) || press(sign, event)) event.preventDefault();
  typing = letters.includes(sign) || sign === "=" || sign === "|" || (typing && sign === " ");
  return undefined;
}

/** At the end of the typed order the keys act as everywhere; inside it they edit text. */
function endsOrder(event) {
  if (event.target !== field || event.isComposing || event.keyCode === 229) return false;
  const atEnd = field.selectionStart === field.value.length && field.selectionEnd === field.value.length;
  return atEnd && !$("order-problem").textContent;
}

function pressInDialog(event) {
  if (hasModifier(event) || isWriting(event)) return;
  const choice = document.querySelector(`dialog[open] [data-key="${signOf(event)}"]`);
  if (choice) event.preventDefault();
  choice?.click();
}

function leaveNote(event) {
  for (const details of form.querySelectorAll("details.panel[open]")) details.open = false;
  if (event.target === $("id_note")) form.focus();
}

function onTyped() {
  const read = orders.parse(field.value, letters, asksCut);
  $("order-problem").textContent = read.problem ? problem(read.problem) : "";
  become(read.order, { input: "typed", typed: true });
}

function onClick(event) {
  const button = event.target.closest("button, a[data-opens]");
  if (!button) return;
  const { place, step, at, look: letter, does, opens } = button.dataset;
  if (opens) return event.preventDefault(), open($(opens), button.dataset.choose);
  if (place) return toggle(place, "click");
  if (letter) return look(letter);
  if (step) return become(orders.moveRow(order, Number(at), Number(step)), { input: "click" });
  if (does === "tie-current") return tieCurrent(button.dataset.letter);
  return does && act[does]("click");
}

function tieCurrent(letter) {
  become(orders.place(orders.tie(order), letter), { input: "click", fresh: letter });
}

function onChange(event) {
  if (!event.target.name?.startsWith("rating-")) return;
  current = event.target.name.at(-1);
  event.target.closest(".rating").querySelector(".rating-word").textContent = wordOf(event.target);
  redraw();
}

const wordOf = (input) => (input.checked ? input.dataset.word : "");

// A second click on the chosen number takes the rating back, which radio buttons alone cannot.
function onRatingClick(event) {
  const input = event.target;
  if (input.type !== "radio") return;
  if (input.dataset.was === "1") {
    input.checked = false;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  for (const other of form.querySelectorAll(`input[name="${input.name}"]`)) other.dataset.was = other.checked ? "1" : "";
}

function onSubmit(event) {
  if ($("submit").getAttribute("aria-disabled") === "true") return event.preventDefault(), send();
  field.value = orders.write(order);
  $("id_making").value = JSON.stringify(report());
  return undefined;
}

function dropped(from, target) {
  const next = target.onto === undefined ? orders.dropRow(order, from, target.gap) : orders.dropOnto(order, from, target.onto);
  become(next, { input: "drag" });
}

const draft = keepDraft(form, /^(order|note|rating-.|flags-.)$/);
document.documentElement.classList.add("js");
order = orders.parse(field.value, letters, asksCut).order;
document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
field.addEventListener("input", onTyped);
form.addEventListener("change", onChange);
form.addEventListener("click", onRatingClick);
form.addEventListener("submit", onSubmit);
form.addEventListener("focusin", (event) => {
  const letter = event.target.closest("[data-letter]")?.dataset.letter;
  if (letter && letter !== current && letters.includes(letter)) {
    current = letter;
    redraw();
  }
});
draggable($("tiers"), $("drop-mark"), dropped);
watch([...form.querySelectorAll(".answer")], (card) => card.classList.add("is-read"));
showLease();
redraw();
form.addEventListener("restored", () => {
  order = orders.parse(field.value, letters, asksCut).order;
  redraw();
});
sendBy(form);
