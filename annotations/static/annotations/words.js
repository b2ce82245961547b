/** What the ranking page says, in the person's language. */

import { LINE, missing, rows, tierOf } from "./order.js";

const ORDINALS = [
  gettext("1st"), gettext("2nd"), gettext("3rd"), gettext("4th"), gettext("5th"),
  gettext("6th"), gettext("7th"), gettext("8th"), gettext("9th"),
];

export const name = (letter) => letter.toUpperCase();

export function list(letters) {
  // British English puts no comma before the last "and", as the rest of the site.
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  return new Intl.ListFormat(language, { type: "conjunction" }).format(letters.map(name));
}

export const ordinal = (tier) => ORDINALS[tier];

/** "2nd, tied with D", or nothing while the letter is not placed. */
export function placement(order, letter) {
  const at = tierOf(order, letter);
  if (at < 0) return "";
  const others = order.tiers[at].filter((other) => other !== letter);
  if (!others.length) return ORDINALS[at];
  return interpolate(gettext("%(place)s, tied with %(others)s"), { place: ORDINALS[at], others: list(others) }, true);
}

/** What is still missing, or that all is placed. */
export function whatIsMissing(order, letters) {
  const left = missing(order, letters);
  if (!left.length) return gettext("All placed");
  if (left.length === letters.length) return gettext("Nothing is placed yet");
  const sentence = ngettext("%(letters)s is not placed yet", "%(letters)s are not placed yet", left.length);
  return interpolate(sentence, { letters: list(left) }, true);
}

/** The whole order in one sentence, for the live region. */
export function spoken(order) {
  const parts = rows(order).map((row) => (row === LINE ? gettext("acceptable line") : row.map(name).join(" = ")));
  if (order.tying) parts.push(gettext("the next letter ties with the last"));
  return parts.length ? parts.join(", ") : gettext("Nothing is placed yet");
}

export function problem({ code, letter }) {
  const sentences = {
    unknown: gettext("There is no answer %(letter)s here."),
    twice: gettext("%(letter)s is placed twice."),
    tie: gettext("= needs a letter before and after it, on the same side of the line."),
    two_lines: gettext("There are two lines. Keep one."),
    no_line: gettext("No line is asked for here."),
  };
  return interpolate(sentences[code], { letter: name(letter) }, true);
}

/** For a narrow header: the figure alone. */
export const minutesShort = (minutes) => interpolate(gettext("%s min"), [Math.max(0, minutes)]);

export function timeLeft(minutes) {
  if (minutes <= 0) return gettext("Your time on this question is over. You can still submit.");
  if (minutes < 60) return interpolate(ngettext("Yours for %s min", "Yours for %s min", minutes), [minutes]);
  const parts = { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
  return interpolate(gettext("Yours for %(hours)s h %(minutes)s min"), parts, true);
}

/** Where a row that is dragged would land: beside which, tied with which, or where it was. */
export function landing(list, from, target) {
  const row = rowName(list[from]);
  if (target === null) return interpolate(gettext("%s is lifted. Escape puts it back."), [row]);
  if (target === undefined) return interpolate(gettext("%s stays where it was."), [row]);
  const { gap, onto = gap } = target;
  const last = list.filter((_, at) => at !== from).at(-1);
  const words = { row, other: rowName(list[onto] ?? last) };
  if (gap === undefined) return interpolate(gettext("%(row)s: tied with %(other)s"), words, true);
  return interpolate(list[gap] ? gettext("%(row)s: above %(other)s") : gettext("%(row)s: below %(other)s"), words, true);
}

const rowName = (row) => (row === LINE ? gettext("acceptable line") : row.map(name).join(" = "));
