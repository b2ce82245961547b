/** How a judgement was made: which input was used, and how long each answer was in view. Kept with the answer. */

const A_MOMENT = 1500;
const began = new Date().toISOString();
const inputs = {};
const visible = new Map();
const since = new Map();
let first = null;

/** Count one act by "key", "click", "drag" or "typed". */
export function used(input) {
  first ??= new Date().toISOString();
  inputs[input] = (inputs[input] ?? 0) + 1;
}

/** Measure each card's time in view; `whenRead(card)` is called once its end stayed in view for a moment. */
export function watch(cards, whenRead) {
  const seen = new IntersectionObserver((entries) => entries.forEach(note), { threshold: [0, 0.5] });
  const waiting = new Map();
  const ends = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(waiting.get(target));
      if (isIntersecting) waiting.set(target, setTimeout(() => whenRead(target.closest("[data-letter]")), A_MOMENT));
    }
  });
  for (const card of cards) {
    seen.observe(card);
    ends.observe(card.querySelector("[data-end]"));
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : cards.forEach(resume)));
}

function note(entry) {
  const { letter } = entry.target.dataset;
  // A card taller than the screen never shows half of itself; filling half the screen counts as well.
  const shown = entry.intersectionRatio >= 0.5 || entry.intersectionRect.height > innerHeight / 2;
  entry.target.dataset.inView = shown ? "1" : "";
  if (shown && !document.hidden) since.set(letter, since.get(letter) ?? performance.now());
  else settle(letter);
}

function settle(letter) {
  if (!since.has(letter)) return;
  visible.set(letter, (visible.get(letter) ?? 0) + performance.now() - since.get(letter));
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
    began,
    first_act: first,
    sent: new Date().toISOString(),
    inputs,
    visible_ms: Object.fromEntries([...visible].map(([letter, ms]) => [letter, Math.round(ms)])),
    pointer: matchMedia("(pointer: coarse)").matches ? "coarse" : "fine",
    width: innerWidth,
    language: document.documentElement.lang,
  };
}
