/**
 * The order that a person makes, as data: typing, keys, mouse and dragging all end in these functions.
 * An order is {tiers: [["b"], ["c", "d"]], cut: 1, tying: false}: best first; `cut` counts the tiers above the
 * line (null: no line); `tying`: the next letter joins the last tier. Nothing here changes an order in place.
 */

export const LINE = "|";
export const EMPTY = Object.freeze({ tiers: [], cut: null, tying: false });
const SEPARATORS = /[\s,;>，；、]/u;

/** Read a text as far as it can be read; `problem` names the first sign that does not fit. Not every project has a line. */
export function parse(text, letters, withLine = true) {
  let order = EMPTY;
  let problem = null;
  for (const sign of text.normalize("NFKC").toLowerCase()) {
    if (SEPARATORS.test(sign)) continue;
    const misfit = sign === LINE && !withLine ? "no_line" : problemWith(order, sign, letters);
    if (misfit) problem ??= { code: misfit, letter: sign };
    else order = take(order, sign);
  }
  return { order, problem };
}

function problemWith(order, sign, letters) {
  if (sign === "=") return canTie(order) ? null : "tie";
  if (sign === LINE) return order.tying ? "tie" : order.cut === null ? null : "two_lines";
  if (!letters.includes(sign)) return "unknown";
  return tierOf(order, sign) < 0 ? null : "twice";
}

function take(order, sign) {
  if (sign === "=") return tie(order);
  return sign === LINE ? drawLine(order) : place(order, sign);
}

/** Write an order the way the form field carries it. */
export function write(order) {
  const words = rows(order).map((row) => (row === LINE ? LINE : row.join(" = ")));
  return words.join(" ") + (order.tying ? " =" : "");
}

export function tierOf(order, letter) {
  return order.tiers.findIndex((tier) => tier.includes(letter));
}

export function missing(order, letters) {
  return letters.filter((letter) => tierOf(order, letter) < 0);
}

/** A tie across the line would be acceptable and not acceptable at once. */
export function canTie(order) {
  return order.tiers.length > 0 && !order.tying && order.cut !== order.tiers.length;
}

export function tie(order) {
  return canTie(order) ? { ...order, tying: true } : order;
}

export function place(order, letter) {
  if (tierOf(order, letter) >= 0) return order;
  const tiers = order.tying
    ? [...order.tiers.slice(0, -1), [...order.tiers.at(-1), letter]]
    : [...order.tiers, [letter]];
  return { ...order, tiers, tying: false };
}

/** Put the line below what is placed; take it away where it already is there. */
export function drawLine(order) {
  const here = order.tiers.length;
  return { ...order, cut: order.cut === here ? null : here, tying: false };
}

/** Undo the last sign of the typed order. */
export function takeBack(order) {
  if (order.tying) return { ...order, tying: false };
  if (order.cut === order.tiers.length) return { ...order, cut: null };
  const last = order.tiers.at(-1)?.at(-1);
  return last ? remove(order, last) : order;
}

export function remove(order, letter) {
  const list = rows(order).map((row) => (row === LINE ? row : row.filter((other) => other !== letter)));
  return fromRows(list.filter((row) => row.length));
}

/** Move one letter a row up (-1) or down (1): out of its tie first, then past its neighbour or the line. */
export function moveLetter(order, letter, step) {
  const list = rows(order);
  const at = list.findIndex((row) => row !== LINE && row.includes(letter));
  if (at < 0) return order;
  if (list[at].length === 1) return moveRow(order, at, step);
  list[at] = list[at].filter((other) => other !== letter);
  list.splice(step < 0 ? at : at + 1, 0, [letter]);
  return fromRows(list);
}

export function moveRow(order, at, step) {
  return at + step < 0 || at + step >= rows(order).length ? order : dropRow(order, at, step < 0 ? at - 1 : at + 2);
}

/** Put the row `from` into the gap before row `gap` (gaps are counted before the row is taken out). */
export function dropRow(order, from, gap) {
  const list = rows(order);
  const [row] = list.splice(from, 1);
  list.splice(gap > from ? gap - 1 : gap, 0, row);
  return fromRows(list);
}

/** Drop one tier onto another: both tie. The line ties with nothing. */
export function dropOnto(order, from, onto) {
  const list = rows(order);
  if (from === onto || list[from] === LINE || list[onto] === LINE) return order;
  list[onto] = [...list[onto], ...list[from]];
  list.splice(from, 1);
  return fromRows(list);
}

/** The rows of the tray: tiers, and the line between them. */
export function rows(order) {
  const list = order.tiers.map((tier) => [...tier]);
  if (order.cut !== null) list.splice(order.cut, 0, LINE);
  return list;
}

function fromRows(list) {
  const cut = list.indexOf(LINE);
  return { tiers: list.filter((row) => row !== LINE), cut: cut < 0 ? null : cut, tying: false };
}

/** The order that the person's own ratings make: the same number ties; what is not rated is left unplaced. */
export function fromRatings(letters, ratings) {
  const numbers = [...new Set(ratings.values())].sort((one, other) => other - one);
  return { ...EMPTY, tiers: numbers.map((number) => letters.filter((letter) => ratings.get(letter) === number)) };
}

/** For each letter that the person rated below something they placed lower: that lower letter. */
export function contradictions(order, ratings) {
  const found = new Map();
  order.tiers.forEach((tier, at) => {
    const below = order.tiers.slice(at + 1).flat();
    for (const letter of tier) {
      const other = below.find((low) => ratings.get(low) > ratings.get(letter));
      if (other) found.set(letter, other);
    }
  });
  return found;
}
