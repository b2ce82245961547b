/** Reading on inside one answer: a screenful less a line at a time, never past its end. */

const A_LINE = 28;

/** Scroll within `card` towards its end (1) or its beginning (-1). Returns false where that is in view already. */
export function page(card, step) {
  const { top, bottom } = room();
  const box = card.getBoundingClientRect();
  const left = step > 0 ? box.bottom - bottom : top - box.top;
  if (left <= 1) return false;
  scrollBy({ top: step * Math.min(left + A_LINE / 2, Math.max(bottom - top - A_LINE, A_LINE)) });
  return true;
}

/** What of the window is neither under the question nor under the bar. */
function room() {
  const dock = document.querySelector(".dock").getBoundingClientRect();
  const bar = document.querySelector(".bar-submit").getBoundingClientRect();
  return { top: document.querySelector(".prompt").getBoundingClientRect().bottom, bottom: dock.height ? dock.top : bar.top };
}
