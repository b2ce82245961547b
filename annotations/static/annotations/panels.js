/** The small panels of the ranking page: notes, and flags that are chosen by number while their panel is open. */

const $ = (id) => document.getElementById(id);

/** Open a panel and put the focus into it. Returns whether there is such a panel with such a field. */
export function openPanel(id, inside) {
  const field = $(id)?.querySelector(inside);
  if (!field) return false;
  $(id).open = true;
  field.focus();
  return true;
}

/** Open a panel of flags, or close it. */
export function toggleFlags(id) {
  if ($(id)?.open) return close($(id));
  return openPanel(id, "input[type=checkbox]");
}

/** Tick or untick a flag by its number, where the focus is in an open panel of flags. Returns its words, or null. */
export function flagByNumber(number) {
  const flag = document.activeElement?.closest(".flags[open]")?.querySelectorAll("input[type=checkbox]")[number - 1];
  if (!flag) return null;
  flag.click();
  flag.focus();
  return { words: wordsOf(flag), checked: flag.checked };
}

/** Close what is open; the focus goes back to what the panel belongs to. Returns whether one was open. */
export function closePanels(form, from) {
  const open = [...form.querySelectorAll("details.panel[open]")];
  open.forEach(close);
  if (open.length && open.some((panel) => panel.contains(from))) (from.closest("[data-letter]") ?? form).focus({ preventScroll: true });
  return open.length > 0;
}

/** Close the panels that a click was not in. */
export function closeOthers(form, clicked) {
  for (const panel of form.querySelectorAll("details.panel[open]")) if (!panel.contains(clicked)) panel.open = false;
}

// A panel opens upwards, out of the way of the text; but not under the header.
document.addEventListener("toggle", ({ target: panel }) => {
  if (!panel.matches(".answer .flags[open]")) return;
  panel.classList.remove("opens-down");
  const { top } = panel.querySelector(".panel-body").getBoundingClientRect();
  panel.classList.toggle("opens-down", top < document.querySelector(".top").getBoundingClientRect().bottom);
}, true);

function close(panel) {
  panel.open = false;
  if (panel.contains(document.activeElement)) panel.querySelector("summary").focus();
  return true;
}

/** Say on a panel's handle which flag stands in it, or how many where there are more or no room for words. */
export function nameFlags(panel) {
  const label = panel.querySelector("[data-name]");
  label.dataset.empty ??= label.textContent;
  const chosen = [...panel.querySelectorAll("input:checked")].map(wordsOf);
  const counted = chosen.length > 1 || (chosen.length === 1 && "counts" in label.dataset);
  label.textContent = counted ? interpolate(ngettext("%s flag", "%s flags", chosen.length), [chosen.length]) : (chosen[0] ?? label.dataset.empty);
}

const wordsOf = (flag) => flag.nextElementSibling.textContent;
