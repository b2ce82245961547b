/** The tray and the marks on the cards, drawn from the order. It reads nothing back: buttons carry data for rank.js. */

import { LINE, contradictions, missing, rows } from "./order.js";
import { name, ordinal, placement, whatIsMissing } from "./words.js";

const $ = (id) => document.getElementById(id);
const copy = (id) => $(id).content.firstElementChild.cloneNode(true);

/** Draw everything that shows the order. `fresh` is the letter that was placed just now, if one was. */
export function draw({ order, letters, ratings, partial, current, ways }, fresh) {
  const focus = rememberFocus();
  drawRows(order, letters, ratings, fresh);
  $("unplaced").replaceChildren(...missing(order, letters).map((letter) => chip(letter, false)));
  $("unplaced-area").hidden = missing(order, letters).length === 0;
  for (const letter of letters) drawCard(order, letter, current);
  drawActions(order, letters, current);
  drawWays(ways);
  drawSubmit(order, letters, partial);
  $("on-purpose").hidden = order.tiers.length > 0;
  restoreFocus(focus);
}

function drawRows(order, letters, ratings, fresh) {
  const against = contradictions(order, ratings);
  let tier = 0;
  const items = rows(order).map((row, at) => {
    if (row === LINE) return lineRow(at);
    tier += 1;
    return tierRow(row, { at, tier, ratings, against, fresh });
  });
  if (missing(order, letters).length) items.push(nextSlot(order, tier));
  $("tiers").replaceChildren(...items);
}

function tierRow(tied, { at, tier, ratings, against, fresh }) {
  const item = copy("tier-row");
  item.dataset.row = at;
  item.querySelector(".tier-n").textContent = tier;
  const slot = item.querySelector(".chips");
  tied.forEach((letter, index) => {
    if (index) slot.append(span("tie", "="));
    slot.append(chip(letter, true, letter === fresh), span("own", ratings.get(letter) ?? ""));
    if (against.has(letter)) slot.append(contradiction(against.get(letter)));
  });
  for (const button of item.querySelectorAll("[data-step]")) {
    button.dataset.at = at;
    const words = Number(button.dataset.step) < 0 ? gettext("Move %s up") : gettext("Move %s down");
    button.setAttribute("aria-label", interpolate(words, [tied.map(name).join(" = ")]));
  }
  return item;
}

function lineRow(at) {
  const item = copy("line-row");
  item.dataset.row = at;
  for (const button of item.querySelectorAll("[data-step]")) button.dataset.at = at;
  return item;
}

function nextSlot(order, tier) {
  const item = copy("next-row");
  item.querySelector(".tier-n").textContent = order.tying ? "=" : tier + 1;
  return item;
}

function contradiction(lower) {
  const mark = copy("contradiction");
  mark.querySelector("span").textContent = interpolate(gettext("rated below %s"), [name(lower)]);
  return mark;
}

function chip(letter, placed, fresh = false) {
  const button = copy("chip");
  button.textContent = name(letter);
  button.dataset.place = letter;
  button.classList.toggle("chip-placed", placed);
  button.classList.toggle("chip-fresh", fresh);
  button.setAttribute("aria-label", interpolate(placed ? gettext("Take %s out") : gettext("Place %s next"), [name(letter)]));
  return button;
}

function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}

function drawCard(order, letter, current) {
  const card = $(`answer-${letter}`);
  const words = placement(order, letter);
  card.classList.toggle("is-current", letter === current);
  card.querySelector(".placement").textContent = words;
  card.querySelector(".chip").classList.toggle("chip-placed", words !== "");
  card.querySelector(".chip").setAttribute("aria-pressed", String(words !== ""));
  const tab = document.querySelector(`#letters [data-look="${letter}"]`);
  const at = order.tiers.findIndex((tier) => tier.includes(letter));
  tab.classList.toggle("is-current", letter === current);
  tab.classList.toggle("is-placed", at >= 0);
  tab.querySelector(".own").textContent = at < 0 ? "" : `${at + 1}${order.tiers[at].length > 1 ? "=" : ""}`;
}

/** The two buttons of a narrow screen: what can be done with the answer in view. */
function drawActions(order, letters, current) {
  const left = missing(order, letters);
  const letter = left.includes(current) ? current : left[0];
  const [placing, tying] = [$("place-current"), $("tie-current")];
  placing.hidden = tying.hidden = !letter;
  drawMoves(letter ? null : current);
  if (!letter) return;
  placing.dataset.place = letter;
  const words = { letter: name(letter), place: ordinal(order.tiers.length) };
  placing.textContent = interpolate(gettext("Place %(letter)s %(place)s"), words, true);
  tying.hidden = !order.tiers.length || order.cut === order.tiers.length;
  tying.dataset.letter = letter;
  tying.textContent = interpolate(gettext("Tie with %s"), [(order.tiers.at(-1) ?? []).map(name).join(", ")]);
}

/** Once all is placed, the same two places of a narrow screen move the answer that is looked at. */
function drawMoves(letter) {
  for (const [id, words] of [["up-current", gettext("Move %s up")], ["down-current", gettext("Move %s down")]]) {
    $(id).hidden = !letter;
    $(id).textContent = letter ? interpolate(words, [name(letter)]) : "";
  }
}

/** Which of undo, redo and "order by my ratings" can be done now. */
function drawWays({ undo, redo, seed }) {
  $("undo").setAttribute("aria-disabled", String(!undo));
  $("redo").setAttribute("aria-disabled", String(!redo));
  if ($("by-ratings")) $("by-ratings").hidden = !seed;
}

function drawSubmit(order, letters, partial) {
  const left = missing(order, letters).length;
  const ready = (partial ? left < letters.length : left === 0) && !order.tying;
  $("submit").setAttribute("aria-disabled", String(!ready));
  $("missing").textContent = whatIsMissing(order, letters);
}

// The rows are drawn anew: whoever pressed a button there must find the focus where it was.
function rememberFocus() {
  const { place, step, at } = document.activeElement?.closest("#tray [data-place], #tray [data-step]")?.dataset ?? {};
  if (place) return `#tray [data-place="${place}"]`;
  return step ? `#tray [data-step="${step}"][data-at="${Number(at) + Number(step)}"]` : null;
}

function restoreFocus(selector) {
  if (selector) document.querySelector(selector)?.focus({ preventScroll: true });
}
