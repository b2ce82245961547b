/** How a judgement was made: which input was used, and how long each answer was in view. Kept with the answer. */

const A_MOMENT = 1500;
// What lies under the header or the bar is not in view.
const IN_VIEW = "-48px 0px -57px 0px";
const STEPS = Array.from({ length: 41 }, (_, at) => at / 40);
const PLACE = "tutelage-making";
const visible = new Map();
const since = new Map();
const seen = new Set();
let made = { began: new Date().toISOString(), first_act: null, inputs: {} };

/** Count one act by "key", "click", "drag" or "typed". */
export function used(input) {
  made.first_act ??= new Date().toISOString();
  made.inputs[input] = (made.inputs[input] ?? 0) + 1;
}

/** Note what a person chose who was asked whether they want to look again: "look" or "send". */
export function chose(answer) {
  made.asked = answer;
}

export const hasChosen = () => made.asked !== undefined;

/**
 * Measure each card's time in view; `whenRead(card)` is called once its end stayed in view for a moment, and for as long
 * as is missing to `floorOf(card)` milliseconds: what is called read here must not be called hurried later.
 */
export function watch(cards, floorOf, whenRead) {
  const times = new IntersectionObserver((entries) => entries.forEach(note), { threshold: STEPS, rootMargin: IN_VIEW });
  const waiting = new Map();
  const ends = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const card = target.closest("[data-letter]");
      clearTimeout(waiting.get(target));
      if (!isIntersecting) continue;
      seen.add(card.dataset.letter);
      const missing = floorOf(card) - inView(card.dataset.letter);
      waiting.set(target, setTimeout(() => whenRead(card), Math.max(A_MOMENT, missing)));
    }
  }, { rootMargin: IN_VIEW });
  for (const card of cards) {
    times.observe(card);
    ends.observe(card.querySelector("[data-end]"));
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : cards.forEach(resume)));
}

/** Go on from what an earlier visit of this tab measured: a reload must not cost anybody the time they read. */
export function goOn(assignment) {
  const before = recall();
  if (before?.assignment === assignment) {
    const { visible_ms, seen: letters, began, first_act, inputs, asked } = before;
    for (const [letter, ms] of Object.entries(visible_ms)) visible.set(letter, (visible.get(letter) ?? 0) + ms);
    letters.forEach((letter) => seen.add(letter));
    made = { began, first_act, inputs, asked };
  }
  addEventListener("pagehide", () => keep({ assignment, ...report() }));
}

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
  } catch {
    return null;
  }
}

function keep(values) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(values));
  } catch {
    // A full or forbidden storage must not stop anybody's work.
  }
}

function note(entry) {
  const { letter } = entry.target.dataset;
  // A card taller than the screen never shows half of itself; filling half the screen counts as well.
  const shown = entry.intersectionRatio >= 0.5 || entry.intersectionRect.height > innerHeight / 2;
  entry.target.dataset.inView = shown ? "1" : "";
  if (shown && !document.hidden) since.set(letter, since.get(letter) ?? performance.now());
  else settle(letter);
}

const inView = (letter) => (visible.get(letter) ?? 0) + (since.has(letter) ? performance.now() - since.get(letter) : 0);

function settle(letter) {
  if (!since.has(letter)) return;
  visible.set(letter, inView(letter));
  since.delete(letter);
}

function pause() {
  for (const letter of [...since.keys()]) settle(letter);
}

function resume(card) {
  if (card.dataset.inView) since.set(card.dataset.letter, performance.now());
}

/** Everything measured so far. Times in view are whole milliseconds by letter as shown. */
export function report() {
  const running = [...since.keys()];
  running.forEach(settle);
  running.forEach((letter) => since.set(letter, performance.now()));
  return {
    ...made,
    sent: new Date().toISOString(),
    visible_ms: Object.fromEntries([...visible].map(([letter, ms]) => [letter, Math.round(ms)])),
    seen: [...seen].sort(),
    pointer: matchMedia("(pointer: coarse)").matches ? "coarse" : "fine",
    width: innerWidth,
    language: document.documentElement.lang,
  };
}
