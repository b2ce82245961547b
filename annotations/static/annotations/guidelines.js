/** The guidelines beside the work: the drawer opens at the clause that applies to what the person is looking at. */

import { hasModifier, isWriting, signOf } from "./keys.js";

const drawer = document.getElementById("guidelines-dialog");
const headings = [...drawer.querySelectorAll("[data-applies]")];
let about = "";
let told = false;

/** What an element is about: it says so itself, or it is a flag, and flags bear the names that clauses use. */
function subjectOf(element) {
  const said = element.closest("[data-clause]")?.dataset.clause;
  return said ?? (element.name?.startsWith("flags") ? element.value : "");
}

const applying = (word) => word && headings.find((heading) => heading.dataset.applies.split(" ").includes(word));

function show() {
  const here = applying(about) || applying(drawer.dataset.kind) || headings[0];
  for (const heading of headings) heading.classList.toggle("is-here", heading === here);
  here?.focus({ preventScroll: true });
  here?.scrollIntoView({ block: "start" });
  if (!told) tell();
}

/** Once a page: so that home can say what changed since these were opened last. */
function tell() {
  told = true;
  const form = drawer.querySelector("[data-seen]");
  fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true }).catch(() => (told = false));
}

document.addEventListener("focusin", (event) => {
  if (!drawer.contains(event.target)) about = subjectOf(event.target);
});
// Whoever opens it, a key or a link of any page of the desk, it opens at its clause.
new MutationObserver(() => drawer.open && show()).observe(drawer, { attributeFilter: ["open"] });
document.addEventListener("keydown", (event) => {
  const free = !event.defaultPrevented && !isWriting(event) && !hasModifier(event);
  if (!free || signOf(event) !== "o" || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  drawer.showModal();
});
