/** The page of an exercise: an order is made as on the ranking page; nothing else is asked, kept or measured. */

import * as orders from "./order.js";
import { draggable } from "./drag.js";
import { hasModifier, isRedo, isSubmit, isUndo, isWriting, signOf } from "./keys.js";
import { draw } from "./tray.js";
import { problem, spoken, whatIsMissing } from "./words.js";

const $ = (id) => document.getElementById(id);
const form = $("desk");
const field = $("id_order");
const letters = [...form.dataset.letters];
const past = [];
const future = [];
let order = orders.parse(field.value, letters, false).order;
let current = null;

function redraw(fresh) {
  const ways = { undo: past.length > 0, redo: future.length > 0, seed: false };
  draw({ order, letters, ratings: new Map(), partial: false, current, ways }, fresh);
}

/** Take a new order: keep the old one for undo, write the field, draw, and say it. */
function become(next, { fresh = null, typed = false } = {}) {
  if (orders.write(next) === orders.write(order)) return;
  past.push(order);
  future.length = 0;
  show(next, { fresh, typed });
}

function show(next, { fresh = null, typed = false } = {}) {
  order = next;
  current = fresh ?? current;
  if (!typed) {
    field.value = orders.write(order) + (order.tiers.length ? " " : "");
    $("order-problem").textContent = "";
  }
  form.classList.remove("is-asked");
  redraw(fresh);
  $("said").textContent = spoken(order);
}

/** One order back, or one back again. */
function travel(from, onto, nothing) {
  if (!from.length) return ($("said").textContent = nothing);
  onto.push(order);
  return show(from.pop());
}

const move = (step) => become(orders.moveLetter(order, current, step));
const place = (letter) => become(orders.place(order, letter), { fresh: letter });
const toggle = (letter) => (orders.tierOf(order, letter) < 0 ? place(letter) : become(orders.remove(order, letter)));
const act = {
  tie: () => become(orders.tie(order)),
  back: () => become(orders.takeBack(order)),
  undo: () => travel(past, future, gettext("There is nothing to undo.")),
  redo: () => travel(future, past, gettext("There is nothing to redo.")),
  up: () => move(-1),
  down: () => move(1),
  "tie-current": (button) => become(orders.place(orders.tie(order), button.dataset.letter), { fresh: button.dataset.letter }),
};

function look(letter) {
  current = letter;
  redraw();
  $(`answer-${letter}`).focus({ preventScroll: true });
  $(`answer-${letter}`).scrollIntoView({ block: "nearest" });
}

function send() {
  if ($("submit").getAttribute("aria-disabled") !== "true") return form.requestSubmit($("submit"));
  form.classList.add("is-asked");
  return ($("said").textContent = whatIsMissing(order, letters));
}

/** Keys that act; everything else is left to the browser. Returns whether the key was used. */
function press(sign, event) {
  if (letters.includes(sign)) return (event.shiftKey ? look : place)(sign), true;
  const step = { ArrowUp: -1, ArrowDown: 1 }[sign];
  if (step) return current !== null && (move(step), true);
  const others = { "=": act.tie, Backspace: act.back, "?": () => $("keys-dialog").showModal() };
  others[sign]?.();
  return sign in others;
}

function onKey(event) {
  if (isSubmit(event)) return event.preventDefault(), send();
  if (document.querySelector("dialog[open]") || (isWriting(event) && !endsOrder(event))) return undefined;
  if (isUndo(event) || isRedo(event)) return event.preventDefault(), act[isUndo(event) ? "undo" : "redo"]();
  if (!hasModifier(event) && press(signOf(event), event)) event.preventDefault();
  return undefined;
}

/** At the end of the typed order the keys act as everywhere; inside it they edit text. */
function endsOrder(event) {
  if (event.target !== field || event.isComposing || event.keyCode === 229) return false;
  return field.selectionStart === field.value.length && !$("order-problem").textContent;
}

function onTyped() {
  const read = orders.parse(field.value, letters, false);
  $("order-problem").textContent = read.problem ? problem(read.problem) : "";
  become(read.order, { typed: true });
}

function onClick(event) {
  const button = event.target.closest("button, a[data-opens]");
  const { place: placed, step, at, look: letter, does, opens } = button?.dataset ?? {};
  if (opens) return event.preventDefault(), $(opens).showModal();
  if (placed) return toggle(placed);
  if (letter) return look(letter);
  if (step) return become(orders.moveRow(order, Number(at), Number(step)));
  return act[does]?.(button);
}

function onSubmit(event) {
  if ($("submit").getAttribute("aria-disabled") === "true") return event.preventDefault(), send();
  return (field.value = orders.write(order));
}

function dropped(from, { gap, onto }) {
  become(onto === undefined ? orders.dropRow(order, from, gap) : orders.dropOnto(order, from, onto));
}

document.documentElement.classList.add("js");
document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
field.addEventListener("input", onTyped);
form.addEventListener("submit", onSubmit);
form.addEventListener("focusin", (event) => {
  const letter = event.target.closest("[data-letter]")?.dataset.letter;
  if (!letters.includes(letter) || letter === current) return;
  current = letter;
  redraw();
});
draggable($("tiers"), $("drop-mark"), dropped);
redraw();
