/** Keeps the list of exports current while one of them is on its way. */

const PAUSE_MS = 3000;

async function redraw() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-on-its-way]")) {
    const next = fresh.getElementById(part.id);
    // Nothing is pulled away from under a finger or a key.
    if (next && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(next));
  }
}

function watch() {
  if (!document.querySelector("[data-on-its-way]")) return;
  setTimeout(() => redraw().catch(() => {}).finally(watch), PAUSE_MS);
}

watch();
