/** Correcting the best answer: its text comes into the field when the panel is opened, and is kept with the ranking. */

const panel = document.getElementById("correct");
const text = document.getElementById("id_correction");
const corrected = document.getElementById("id_corrected");
let best = null;
// What this script put into the field: as long as that stands there, nobody has corrected anything.
let put = null;

/** Tell which letter is first now; none: nothing is placed. */
export function showBest(letter = null) {
  best = letter;
  panel.hidden = !best && !text.value.trim();
  if (panel.open && untouched()) begin();
  tell();
}

const untouched = () => !text.value.trim() || text.value === put;

async function begin() {
  const letter = best;
  if (!letter || (text.value && corrected.value === letter)) return;
  const written = await textOf(letter);
  // Meanwhile another may have become first, or somebody has begun to type.
  if (written === null || best !== letter || !untouched()) return;
  text.value = written;
  put = text.value;
  corrected.value = letter;
  text.dispatchEvent(new Event("input", { bubbles: true }));
}

async function textOf(letter) {
  try {
    const answer = await fetch(panel.dataset.from.replace(/[a-i]\/$/, `${letter}/`));
    return answer.ok && !answer.redirected ? await answer.text() : null;
  } catch {
    // Without a line the field stays empty: who wants to may type.
    return null;
  }
}

function tell() {
  const letter = corrected.value.toUpperCase();
  const words = corrected.value === best ? gettext("You correct %s.") : gettext("You correct %s, which is not first any more.");
  const said = letter && text.value.trim() && best ? interpolate(words, [letter]) : "";
  if (document.getElementById("correct-of").textContent !== said) document.getElementById("correct-of").textContent = said;
}

// With a script nobody has to ask the server for the text; and Enter must mean Submit.
panel.querySelector(".no-js").remove();
panel.addEventListener("toggle", () => panel.open && untouched() && begin());
text.addEventListener("input", () => {
  if (!text.value.trim()) corrected.value = "";
  else corrected.value ||= best ?? "";
  tell();
});
