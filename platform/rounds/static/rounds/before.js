/** Fills the card of what a round would need, and again when another preset or algorithm is chosen. */

// What the estimate depends on. The form's token stays out of addresses.
const ASKED = ["preset", "algorithm", "sft", "budget"];

const card = document.querySelector("[data-before]");
const form = document.querySelector(".start form");
let newest = 0;

function chosen() {
  const filled = form ? new FormData(form) : new FormData();
  return new URLSearchParams(ASKED.filter((name) => filled.get(name)).map((name) => [name, filled.get(name)]));
}

async function fill() {
  const mine = ++newest;
  card.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`${card.dataset.before}?${chosen()}`, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected || mine !== newest) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("before");
    if (fresh && mine === newest) card.replaceChildren(...document.adoptNode(fresh).childNodes);
  } catch {
    // The link to the page of its own stays.
  } finally {
    if (mine === newest) card.removeAttribute("aria-busy");
  }
}

if (card) {
  fill();
  form?.addEventListener("change", fill);
}
