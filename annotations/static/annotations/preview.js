/** The preview beside each turn and the advice on it: asked of the server whenever the typing pauses. */

const PAUSE = 400;

/** Keep every turn's preview true to its text, and show the advice on the turn at hand in `aside`. */
export function keepPreviews(form, aside, say) {
  for (const panes of form.querySelectorAll(".panes")) {
    const text = panes.querySelector("textarea");
    const ask = afterAPause(() => review(form, panes, text, say).then(() => showAdvice(panes, aside)));
    text.addEventListener("input", (event) => event.isComposing || ask());
    text.addEventListener("compositionend", ask);
    text.addEventListener("focus", () => showAdvice(panes, aside));
    panes.addEventListener("click", onSwitch);
    panes.dataset.pane = "write";
    // What was put back from a draft has no preview yet.
    if (text.value !== text.defaultValue) ask();
  }
  showAdvice([...form.querySelectorAll(".panes")].at(-1), aside);
}

function afterAPause(act) {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(act, PAUSE);
  };
}

const asked = new WeakMap();

async function review(form, panes, text, say) {
  asked.get(panes)?.abort();
  const asking = new AbortController();
  asked.set(panes, asking);
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  body.set("content", text.value);
  if (panes.dataset.byUser) body.set("by_user", "true");
  try {
    const answer = await fetch(form.dataset.preview, { method: "POST", body, signal: asking.signal });
    if (answer.ok && !answer.redirected) put(panes, await answer.text(), say);
  } catch {
    // Without a line the last preview stays; the text itself is safe where it is typed.
  }
}

function put(panes, html, say) {
  const read = new DOMParser().parseFromString(html, "text/html");
  const before = warnings(panes);
  panes.querySelector(".preview").replaceWith(read.querySelector(".preview"));
  panes.querySelector(".advice-list").replaceWith(read.querySelector(".advice-list"));
  const fresh = [...warnings(panes)].filter(([kind]) => !before.has(kind));
  if (fresh.length) say(fresh.map(([, words]) => words).join(" "));
}

const warnings = (panes) =>
  new Map(
    [...panes.querySelectorAll(".advice-list > li:not(.advice-good)")].map((item) => [
      item.dataset.kind,
      `${item.querySelector("h3").textContent}. ${item.querySelector("p").textContent}`,
    ]),
  );

function showAdvice(panes, aside) {
  aside.replaceChildren(panes.querySelector(".advice-list").cloneNode(true));
}

/** On a narrow screen one pane shows at a time. */
function onSwitch(event) {
  const { pane } = event.target.closest("[data-pane]:is(button)")?.dataset ?? {};
  if (!pane) return;
  const panes = event.currentTarget;
  panes.dataset.pane = pane;
  for (const button of panes.querySelectorAll("button[data-pane]")) button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
}
