/**
 * Which two answers to ask about next, so that few questions make the whole order: merge insertion with ties
 * (Ford and Johnson, "A Tournament Problem", 1959). Pure functions; what was said is a list of "a>b" (a is the
 * better one) and "a=b". An order is a list of tiers, best first: [["b"], ["c", "d"]].
 */

/** The two to compare next, or null when all is known. `base` was ordered already: only the others are put in. */
export function question(letters, said, base = []) {
  return run(letters, said, base).question;
}

/**
 * What is known so far: the longest chain of letters in which each is known to be better than the next, or the
 * same. Whatever stands beside that chain is left out. One letter alone says nothing.
 */
export function known(letters, said, base = []) {
  const { question: open, order, heard } = run(letters, said, base);
  if (!open) return order;
  const chain = longestChain(letters, [...relations(base), ...heard], base.flat());
  return chain.flat().length > 1 ? chain.map((tied) => [...tied].sort()) : base;
}

/** How many questions are answered. */
export const answered = (letters, said, base = []) => run(letters, said, base).heard.length;

/** The most questions that this can take, whatever is answered. */
export function most(letters, base = []) {
  if (!isStart(base)) return sum(1, letters.length, (n) => Math.ceil(Math.log2((3 * n) / 4)));
  const left = letters.length - base.flat().length;
  return sum(base.length, base.length + left - 1, (n) => Math.ceil(Math.log2(n + 1)));
}

const sum = (from, to, term) => (from > to ? 0 : term(from) + sum(from + 1, to, term));

// One letter orders nothing: merge insertion from the beginning asks less.
const isStart = (base) => base.flat().length > 1;

/** Ask again all that was asked, from what was said; stop at the first question without an answer. */
function run(letters, said, base) {
  const placed = base.flat();
  const steps = isStart(base) ? into(base, letters.filter((letter) => !placed.includes(letter))) : sorted(letters);
  const heard = [];
  let step = steps.next();
  while (!step.done) {
    const words = answerTo(step.value, said);
    if (!words) return { question: [...step.value].sort(), order: null, heard };
    heard.push(words);
    step = steps.next(betterIs(step.value[0], words));
  }
  return { question: null, order: step.value.map((tied) => [...tied].sort()), heard };
}

function answerTo([first, second], said) {
  const answers = [`${first}>${second}`, `${second}>${first}`, `${first}=${second}`, `${second}=${first}`];
  return said.find((words) => answers.includes(words));
}

/** 1: this letter is the better one, -1: the other, 0: they are the same. */
const betterIs = (letter, [first, sign]) => (sign === "=" ? 0 : first === letter ? 1 : -1);

/** Merge insertion: halve the field by pairs, sort the better ones, put the others in where a search is fullest. */
function* sorted(letters) {
  if (letters.length < 2) return letters.map((letter) => [letter]);
  const { better, worseOf, tiedTo } = yield* paired(letters);
  const chain = yield* sorted(better);
  // From the worst of the better ones up: its partner stands below everything, so that one is free.
  const waiting = chain.flat().reverse().map((above) => ({ above, letter: worseOf.get(above) }));
  for (const tied of chain) tied.push(...tied.flatMap((letter) => tiedTo.get(letter) ?? []));
  if (letters.length % 2) waiting.push({ above: null, letter: letters.at(-1) });
  for (const { above, letter } of inGroups(waiting)) if (letter) yield* insert(chain, letter, above);
  return chain;
}

function* paired(letters) {
  const [better, worseOf, tiedTo] = [[], new Map(), new Map()];
  for (let at = 0; at + 1 < letters.length; at += 2) {
    const [first, second] = letters.slice(at, at + 2);
    const answer = yield [first, second];
    const [winner, other] = answer < 0 ? [second, first] : [first, second];
    better.push(winner);
    if (answer) worseOf.set(winner, other);
    else tiedTo.set(winner, [other]);
  }
  return { better, worseOf, tiedTo };
}

/** 1, then 3 2, then 5 4, then 11 … 6: within a group every search runs through at most 2^k - 1 places. */
function inGroups(waiting) {
  const turns = waiting.slice(0, 1);
  for (let from = 1, size = 2, power = 4; from < waiting.length; from += size, size = power - size, power *= 2) {
    turns.push(...waiting.slice(from, from + size).reverse());
  }
  return turns;
}

/** Put the letter into the chain, below `above` where that is known; equal ones share a tier. */
function* insert(chain, letter, above = null) {
  let low = above === null ? 0 : chain.findIndex((tied) => tied.includes(above)) + 1;
  let high = chain.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const answer = yield [letter, chain[middle][0]];
    if (answer === 0) return chain[middle].push(letter);
    if (answer > 0) high = middle;
    else low = middle + 1;
  }
  return chain.splice(low, 0, [letter]);
}

function* into(base, others) {
  const chain = base.map((tied) => [...tied]);
  for (const letter of others) yield* insert(chain, letter);
  return chain;
}

/** An order as things said: neighbours within a tier are the same, the first of a tier is better than the next. */
function relations(order) {
  const ties = order.flatMap((tied) => tied.slice(1).map((letter) => `${tied[0]}=${letter}`));
  return [...ties, ...order.slice(1).map((tied, at) => `${order[at][0]}>${tied[0]}`)];
}

/** The chain with the most letters; one with all the `preferred` ones goes before any without. */
function longestChain(letters, said, preferred) {
  const tierOf = new Map(letters.map((letter) => [letter, [letter]]));
  for (const [first, sign, second] of said) if (sign === "=") join(tierOf, first, second);
  const worth = (tied) => tied.reduce((total, letter) => total + (preferred.includes(letter) ? letters.length : 1), 0);
  const found = new Map();
  const from = (tied) => {
    if (found.has(tied)) return found.get(tied);
    const below = said.filter(([first, sign]) => sign === ">" && tied.includes(first)).map((words) => from(tierOf.get(words[2])));
    const rest = below.reduce(heavier, NOTHING);
    found.set(tied, { chain: [tied, ...rest.chain], worth: worth(tied) + rest.worth });
    return found.get(tied);
  };
  return letters.map((letter) => from(tierOf.get(letter))).reduce(heavier, NOTHING).chain;
}

const NOTHING = Object.freeze({ chain: [], worth: 0 });
const heavier = (one, other) => (other.worth > one.worth ? other : one);

function join(tierOf, first, second) {
  const tied = [...new Set([...tierOf.get(first), ...tierOf.get(second)])];
  for (const letter of tied) tierOf.set(letter, tied);
}
