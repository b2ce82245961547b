/**
 * Two at a time: the page shows two answers and asks which is better, until the order is known. It ends in the
 * ordinary tray, at any time. Loaded when somebody asks for it.
 */

import { answered, known, most, question } from "./insertion.js";
import { hasModifier, isRedo, isSubmit, isUndo, isWriting, signOf } from "./keys.js";
import { used } from "./making.js";
import { missing, parse, write } from "./order.js";
import { name } from "./words.js";

const $ = (id) => document.getElementById(id);
const CHANGES_THE_TRAY = ["=", "|", "Backspace", "ArrowUp", "ArrowDown", "r"];
// What the page lends: letters, order(), become(order, {input}), say(sentence).
let page = null;
// What stood in the tray at the beginning, and what was said since.
let talk = null;

/** Begin, or go on where an earlier visit was left. */
export function compare(lent) {
  page = lent;
  talk = begin();
  toggle(true);
  show();
  $("compare").focus({ preventScroll: true });
}

function begin() {
  const { letters, order } = page;
  const tray = tidy(order().tiers);
  const before = kept();
  const stands = [before.base, known(letters, before.said, before.base)].some((tiers) => alike(tiers, tray));
  if (before.said.length && stands && question(letters, before.said, before.base)) return before;
  // A whole order leaves nothing to ask: whoever comes with one wants to begin anew.
  return { base: missing(order(), letters).length ? tray : [], said: [] };
}

/** An earlier visit was put back after this began: nobody is asked the same again. */
function goOn() {
  talk = begin();
  show();
}

/** The hidden field carries it, so that whatever keeps the form's draft keeps this too. */
function kept() {
  const [base, said = ""] = $("id_compared").value.split(":");
  const isAnswer = (words) => /^[a-i][>=][a-i]$/.test(words) && page.letters.includes(words[0]) && page.letters.includes(words[2]);
  return { base: tidy(parse(base, page.letters, false).order.tiers), said: said.split(" ").filter(isAnswer) };
}

function keep() {
  $("id_compared").value = `${write({ tiers: talk.base, cut: null })}: ${talk.said.join(" ")}`;
  $("id_compared").dispatchEvent(new Event("input", { bubbles: true }));
}

const tidy = (tiers) => tiers.map((tied) => [...tied].sort());
const alike = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const asked = () => question(page.letters, talk.said, talk.base);

function show(before = "") {
  const pair = asked();
  if (!pair) return leave();
  for (const letter of page.letters) $(`answer-${letter}`).hidden = !pair.includes(letter);
  const words = { progress: progress(), question: interpolate(gettext("%(first)s or %(second)s?"), named(pair), true), before };
  $("compare-progress").textContent = words.progress;
  drawChoice("first", pair[0]);
  drawChoice("second", pair[1]);
  drawKnown();
  $("compare-back").setAttribute("aria-disabled", String(!talk.said.length));
  scrollTo({ top: 0 });
  page.say(interpolate(before ? gettext("%(before)s. %(progress)s: %(question)s") : gettext("%(progress)s: %(question)s"), words, true));
  return undefined;
}

const named = ([first, second]) => ({ first: name(first), second: name(second) });

function progress() {
  const words = { n: answered(page.letters, talk.said, talk.base) + 1, most: most(page.letters, talk.base) };
  return interpolate(gettext("Question %(n)s of at most %(most)s"), words, true);
}

function drawChoice(which, letter) {
  const button = $("compare").querySelector(`[data-say="${which}"]`);
  button.querySelector("span").textContent = better(letter);
  button.querySelector(".key").textContent = letter;
}

const better = (letter) => interpolate(gettext("%s is better"), [name(letter)]);

function drawKnown() {
  const tiers = known(page.letters, talk.said, talk.base);
  $("compare-so-far").hidden = !tiers.length;
  $("compare-known").replaceChildren(...tiers.flatMap((tied, at) => [...(at ? [sign("›")] : []), ...tierOf(tied)]));
}

const tierOf = (tied) => tied.flatMap((letter, at) => [...(at ? [sign("=")] : []), chip(letter)]);
const sign = (text) => element("tie", text);
const chip = (letter) => element("chip chip-placed", name(letter));

function element(kind, text) {
  const made = document.createElement("span");
  made.className = kind;
  made.textContent = text;
  return made;
}

function answer(which) {
  const [first, second] = asked();
  const words = { first: `${first}>${second}`, second: `${second}>${first}`, same: `${first}=${second}` };
  const spoken = { first: better(first), second: better(second), same: interpolate(gettext("%(first)s and %(second)s are the same"), named([first, second]), true) };
  talk.said.push(words[which]);
  used("compare");
  keep();
  show(spoken[which]);
}

function takeBack() {
  if (!talk.said.pop()) return page.say(gettext("There is nothing to take back."));
  keep();
  return show(gettext("Taken back"));
}

/** Back to the tray, with what is known. */
function leave() {
  const tiers = known(page.letters, talk.said, talk.base);
  toggle(false);
  if (!talk.said.length) page.say(gettext("Back to your order"));
  else page.become({ tiers, cut: lineIn(tiers), tying: false }, { input: "compare" });
  $("compare-open").focus({ preventScroll: true });
}

/** A line that was drawn stays below the tier that it was drawn under, as long as that order still stands. */
function lineIn(tiers) {
  const { cut, tiers: before } = page.order();
  if (cut === null || talk.base.flat().length < 2) return null;
  return cut ? tiers.findIndex((tied) => tied.includes(before[cut - 1][0])) + 1 : 0;
}

function toggle(on) {
  $("desk").classList.toggle("is-comparing", on);
  $("compare").hidden = $("compare-head").hidden = !on;
  const act = on ? "addEventListener" : "removeEventListener";
  // Before the page's own listeners: here its keys and chips mean something else.
  document[act]("keydown", onKey, true);
  document[act]("click", onClick, true);
  $("desk")[act]("restored", goOn);
  if (!on) for (const letter of page.letters) $(`answer-${letter}`).hidden = false;
}

function onKey(event) {
  if (document.querySelector("dialog[open], details.panel[open]") || isWriting(event)) return;
  const does = meaning(event);
  if (!does) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!event.repeat) does();
}

/** What a key does here; nothing where the page's own meaning holds. */
function meaning(event) {
  const pair = asked();
  if (isSubmit(event) || event.key === "Escape") return leave;
  if (isUndo(event)) return takeBack;
  if (isRedo(event)) return () => {};
  const pressed = signOf(event);
  if (hasModifier(event)) return null;
  if (page.letters.includes(pressed)) return pair.includes(pressed) ? event.shiftKey ? null : () => answer(pressed === pair[0] ? "first" : "second") : () => page.say(interpolate(gettext("%(first)s or %(second)s?"), named(pair), true));
  if (pressed === "=") return () => answer("same");
  if (pressed === "Backspace") return takeBack;
  if (pressed === "t") return leave;
  return CHANGES_THE_TRAY.includes(pressed) ? () => {} : null;
}

function onClick(event) {
  const button = event.target.closest("[data-say], .answer [data-place], #compare-back, #compare-leave");
  if (!button) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (button.id === "compare-back") takeBack();
  else if (button.id === "compare-leave") leave();
  else answer(button.dataset.say ?? (button.dataset.place === asked()[0] ? "first" : "second"));
}
