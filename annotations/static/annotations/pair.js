/** The page of two answers: seven steps, and both bad. The form's own fields stay the truth that is sent. */

import { commonActs, flag, goTo, open } from "./acts.js";
import { showBest } from "./correct.js";
import { keepDraft } from "./draft.js";
import { askOnce, floorOf } from "./floor.js";
import { showLease } from "./lease.js";
import { goOn, report, used, watch } from "./making.js";
import { closeOthers, nameFlags } from "./panels.js";
import { listen } from "./press.js";
import { sendBy } from "./send.js";
import { name } from "./words.js";

const $ = (id) => document.getElementById(id);
const form = $("desk");
const letters = [...form.dataset.letters];
const cards = [...form.querySelectorAll(".answer")];
const steps = [...form.querySelectorAll("input[name=strength]")];
const bothBad = $("id_both_bad");
// A letter alone says "better", the step in the middle of its side.
const STEP_OF = { a: steps[1], b: steps[5] };
const NOTHING = { step: null, bad: false };
const [past, future] = [[], []];
let said = NOTHING;
let current = null;

const read = () => ({ step: steps.find((step) => step.checked) ?? null, bad: bothBad.checked });
const alike = (one, other) => one.step === other.step && one.bad === other.bad;

/** Take what is chosen now: keep what was chosen before for undo, show it and say it. */
function become(next, input) {
  if (alike(next, said)) return say(spoken());
  past.push(said);
  future.length = 0;
  return take(next, input);
}

function take(next, input) {
  used(input);
  said = next;
  for (const step of steps) step.checked = step === said.step;
  bothBad.checked = said.bad;
  form.classList.remove("is-asked");
  redraw();
  draft.save();
  say(spoken());
}

/** Go back or forth through what was chosen. */
function travel(from, to, input, nothing) {
  const next = from.pop();
  if (!next) return say(nothing);
  to.push(said);
  return take(next, input);
}

const wordsOf = (input) => input.closest("label").querySelector("span:not(.point-key)").textContent;

function spoken() {
  const words = { step: said.step && wordsOf(said.step), bad: wordsOf(bothBad) };
  if (said.step && said.bad) return interpolate(gettext("%(step)s. %(bad)s"), words, true);
  return words.step ?? (said.bad ? words.bad : gettext("Nothing is chosen yet"));
}

function isBetter(letter) {
  const strength = said.step ? Number(said.step.value) : null;
  return strength === 0 || (letter === "a" ? strength < 0 : strength > 0);
}

// As the server takes it: of two that are alike, the first.
const best = () => (["a", "b"].find(isBetter) ?? (said.bad ? "a" : null));

function redraw() {
  for (const card of cards) drawCard(card, card.dataset.letter);
  $("submit").setAttribute("aria-disabled", String(alike(said, NOTHING)));
  $("missing").textContent = spoken();
  showBest(best());
}

function drawCard(card, letter) {
  const chip = card.querySelector("button.chip");
  card.classList.toggle("is-current", letter === current);
  chip.classList.toggle("chip-placed", isBetter(letter));
  chip.setAttribute("aria-pressed", String(isBetter(letter)));
  chip.setAttribute("aria-label", interpolate(gettext("%s is better"), [name(letter)]));
  $("letters").querySelector(`[data-look="${letter}"]`).classList.toggle("is-current", letter === current);
}

function say(sentence) {
  $("said").textContent = sentence;
}

function look(letter) {
  current = letter;
  redraw();
  goTo($(`answer-${letter}`));
}

function send() {
  if ($("submit").getAttribute("aria-disabled") !== "true") return form.requestSubmit($("submit"));
  form.classList.add("is-asked");
  return say(spoken());
}

const choose = (step, input) => become({ ...said, step }, input);

const act = {
  ...commonActs({ form, letters, current: () => current, look, say }),
  place: (letter, input) => choose(STEP_OF[letter], input),
  tie: (input) => choose(steps[3], input),
  line: (input) => become({ ...said, bad: !said.bad }, input),
  back: (input) => become(NOTHING, input),
  number: (sign) => flag(Number(sign), say) || choose(steps[Number(sign) - 1], "key"),
  undo: (input) => travel(past, future, input, gettext("There is nothing to undo.")),
  redo: (input) => travel(future, past, input, gettext("There is nothing to redo.")),
  submit: send,
};

function onClick(event) {
  closeOthers(form, event.target);
  const { place, look: letter, does, opens, choose: choice } = event.target.closest("button, a[data-opens]")?.dataset ?? {};
  if (opens) return event.preventDefault(), open($(opens), choice);
  if (place) return act.place(place, "click");
  if (letter) return look(letter);
  return does && act[does]("click");
}

function onChange(event) {
  const flags = event.target.closest(".flags");
  if (flags) nameFlags(flags);
  if (steps.includes(event.target) || event.target === bothBad) become(read(), "click");
}

function onSubmit(event) {
  if ($("submit").getAttribute("aria-disabled") === "true") return event.preventDefault(), event.stopImmediatePropagation(), send();
  return undefined;
}

function onFocus(event) {
  const letter = event.target.closest("[data-letter]")?.dataset.letter;
  if (!letter || letter === current) return;
  current = letter;
  redraw();
}

const draft = keepDraft(form, /^(strength|both_bad|unsure|flags|note|(flags|note)-.|correction|corrected)$/);
document.documentElement.classList.add("js");
said = read();
form.addEventListener("restored", () => {
  said = read();
  redraw();
});
goOn(form.dataset.assignment);
listen({ letters, field: null, act });
document.addEventListener("click", onClick);
form.addEventListener("change", onChange);
form.addEventListener("focusin", onFocus);
form.addEventListener("submit", onSubmit, { capture: true });
form.addEventListener("formdata", (event) => event.formData.set("making", JSON.stringify(report())));
askOnce(form, $("quick-dialog"), cards, look);
watch(cards, floorOf, (card) => card.classList.add("is-read"));
form.querySelectorAll(".flags").forEach(nameFlags);
showLease();
redraw();
sendBy(form);
