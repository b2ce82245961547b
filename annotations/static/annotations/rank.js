/** The ranking page: one order, and everything that changes it. The form field stays the truth that is sent. */

import * as orders from "./order.js";
import { commonActs, flag, goTo, open } from "./acts.js";
import { showBest } from "./correct.js";
import { draggable } from "./drag.js";
import { keepDraft } from "./draft.js";
import { askOnce, floorOf } from "./floor.js";
import { showLease } from "./lease.js";
import { goOn, report, used, watch } from "./making.js";
import { closeOthers, nameFlags } from "./panels.js";
import { listen } from "./press.js";
import { onRatingClick, rateBy, ratingsOf, showRatings } from "./ratings.js";
import { sendBy } from "./send.js";
import { draw } from "./tray.js";
import { landing, name, problem, spoken, whatIsMissing } from "./words.js";

const $ = (id) => document.getElementById(id);
const form = $("desk");
const field = $("id_order");
const letters = [...form.dataset.letters];
const cards = [...form.querySelectorAll(".answer")];
// What the project does not ask is not on the page, and its key does nothing.
const asksCut = form.dataset.cut === "true";
const [past, future] = [[], []];
let order = orders.EMPTY;
let seeded = "";
let current = null;

/** Take a new order: keep the old one for undo, write the field, draw, and say it. Returns whether it is new. */
function become(next, details = {}) {
  if (orders.write(next) === orders.write(order)) return false;
  past.push(order);
  future.length = 0;
  take(next, details);
  return true;
}

function take(next, { input, fresh = null, typed = false }) {
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
  const ratings = ratingsOf(form);
  const seed = mayBeSeeded() && ratings.size > 0 && orders.write(orders.fromRatings(letters, ratings)) !== orders.write(order);
  const ways = { undo: past.length > 0, redo: future.length > 0, seed };
  draw({ order, letters, ratings, partial: form.dataset.partial === "true", current, ways }, fresh);
  showBest(order.tiers[0]?.[0]);
}

function say(sentence) {
  $("said").textContent = sentence;
}

/** Go back or forth through what was done to the order. */
function travel(from, to, input, nothing) {
  const next = from.pop();
  if (!next) return say(nothing);
  to.push(order);
  return take(next, { input });
}

const mayBeSeeded = () => [orders.write(orders.EMPTY), seeded].includes(orders.write(order));

/** Order by the person's own ratings, as long as their hand has not touched the tray. */
function seed(input) {
  const ratings = ratingsOf(form);
  if (!ratings.size) return say(gettext("Nothing is rated yet."));
  if (!mayBeSeeded()) return say(gettext("You ordered by hand. Take all out first, then your ratings can order."));
  seeded = orders.write(orders.fromRatings(letters, ratings));
  return become(orders.fromRatings(letters, ratings), { input });
}

function look(letter) {
  current = letter;
  redraw();
  goTo($(`answer-${letter}`));
}

function send() {
  if ($("submit").getAttribute("aria-disabled") !== "true") return form.requestSubmit($("submit"));
  form.classList.add("is-asked");
  return say(whatIsMissing(order, letters));
}

const act = {
  ...commonActs({ form, letters, current: () => current, look, say }),
  place: (letter, input) => become(orders.place(order, letter), { input, fresh: letter }) || say(interpolate(gettext("%s is placed already."), [name(letter)])),
  remove: (letter, input) => become(orders.remove(order, letter), { input }),
  tie: (input) => become(orders.tie(order), { input }) || say(problem({ code: "tie" })),
  line: (input) => asksCut && become(orders.drawLine(order), { input }),
  back: (input) => become(orders.takeBack(order), { input }) || say(spoken(order)),
  move: (step, input) => orders.tierOf(order, current) >= 0 && (become(orders.moveLetter(order, current, step), { input }), true),
  up: (input) => act.move(-1, input),
  down: (input) => act.move(1, input),
  undo: (input) => travel(past, future, input, gettext("There is nothing to undo.")),
  redo: (input) => travel(future, past, input, gettext("There is nothing to redo.")),
  number: (sign) => flag(Number(sign), say) || rateBy(form, current, Number(sign), say),
  compare,
  submit: send,
  seed,
};

/** Two at a time: asked for by few, so it comes only when it is asked for. */
async function compare() {
  if (!$("compare-open").offsetParent) return;
  const mode = await import("./compare.js");
  mode.compare({ letters, order: () => order, become, say });
}

function toggle(letter, input) {
  const placed = orders.tierOf(order, letter) >= 0;
  (placed ? act.remove : act.place)(letter, input);
}

function onTyped(event) {
  // What an input method has not finished is no order yet.
  if (event.isComposing) return;
  const read = orders.parse(field.value, letters, asksCut);
  $("order-problem").textContent = read.problem ? problem(read.problem) : "";
  become(read.order, { input: "typed", typed: true });
}

function onClick(event) {
  closeOthers(form, event.target);
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
  const flags = event.target.closest(".flags");
  if (flags) nameFlags(flags);
  if (!event.target.name?.startsWith("rating-")) return;
  current = event.target.name.at(-1);
  redraw();
}

function onSubmit(event) {
  if ($("submit").getAttribute("aria-disabled") === "true") return event.preventDefault(), event.stopImmediatePropagation(), send();
  field.value = orders.write(order);
  return undefined;
}

function onFocus(event) {
  const letter = event.target.closest("[data-letter]")?.dataset.letter;
  if (!letter || letter === current || !letters.includes(letter)) return;
  current = letter;
  redraw();
}

function dropped(from, target) {
  const next = target.onto === undefined ? orders.dropRow(order, from, target.gap) : orders.dropOnto(order, from, target.onto);
  if (!become(next, { input: "drag" })) say(spoken(order));
}

const draft = keepDraft(form, /^(order|compared|unsure|flags|note|(rating|flags|note)-.|correction|corrected)$/);
document.documentElement.classList.add("js");
order = orders.parse(field.value, letters, asksCut).order;
goOn(form.dataset.assignment);
listen({ letters, field, act });
document.addEventListener("click", onClick);
field.addEventListener("input", onTyped);
field.addEventListener("compositionend", onTyped);
form.addEventListener("change", onChange);
form.addEventListener("click", onRatingClick);
form.addEventListener("focusin", onFocus);
form.addEventListener("submit", onSubmit, { capture: true });
form.addEventListener("formdata", (event) => event.formData.set("making", JSON.stringify({ ...report(), compared: $("id_compared").value || undefined })));
askOnce(form, $("quick-dialog"), cards, look);
draggable($("tiers"), $("drop-mark"), dropped, (from, target) => say(landing(orders.rows(order), from, target)));
watch(cards, floorOf, (card) => card.classList.add("is-read"));
form.querySelectorAll(".flags").forEach(nameFlags);
showRatings(form);
showLease();
redraw();
form.addEventListener("restored", () => {
  order = orders.parse(field.value, letters, asksCut).order;
  showRatings(form);
  redraw();
});
sendBy(form);
