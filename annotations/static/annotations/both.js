/** Two texts of one person side by side, with what differs between them marked. */

import { element, show } from "./dialogs.js";

// A word, or one sign of what is not a word: in Chinese each character for itself.
const WORDS = /[\p{sc=Latin}\p{sc=Cyrillic}\p{N}]+|./gsu;

/** Ask which text stays. Choices: {here, there, together} are called with nothing. */
export function askWhich({ mine, theirs, at }, choices) {
  const title = element("h2", { textContent: gettext("This answer was changed in another window") });
  const header = element("header", {}, title, element("p", { className: "sub", textContent: gettext("Both texts are here. Neither is lost.") }));
  const sides = element("div", { className: "both-sides" }, side(gettext("Here"), mine, theirs), side(elsewhere(at), theirs, mine));
  const row = element("form", { method: "dialog" });
  const dialog = show(title.textContent, "wide", element("section", { className: "both" }, header, sides, element("footer", {}, row)));
  const add = (label, className, act) => row.append(element("button", { className: `btn ${className}`, textContent: label, onclick: act }));
  add(gettext("Keep this one"), "btn-main", choices.here);
  add(gettext("Keep the other"), "", choices.there);
  add(gettext("Edit together"), "btn-quiet", choices.together);
  // No button has the focus: whoever is typing when this opens decides nothing by the next key.
  dialog.focus();
  // Escape decides nothing: both stay in view, and neither is written over.
  dialog.addEventListener("cancel", choices.together);
}

/** One text in a box of its own, beside the form. */
export function aside(theirs) {
  const title = element("h2", { textContent: gettext("The other text") });
  return element("section", { className: "beside card" }, title, ...lines(theirs, {}));
}

function elsewhere(at) {
  const time = at && new Date(at).toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
  return time ? interpolate(gettext("Other window, %s"), [time]) : gettext("Other window");
}

function side(title, said, other) {
  return element("div", {}, element("p", { className: "caption", textContent: title }), ...lines(said, other));
}

function lines(said, other) {
  return Object.keys({ ...said, ...other }).flatMap((label) => [
    element("p", { className: "label", textContent: label }),
    element("p", { className: "reading" }, ...marked(said[label] ?? "", other[label] ?? "")),
  ]);
}

function marked(one, other) {
  const [ours, theirs] = [one.match(WORDS) ?? [], other.match(WORDS) ?? []];
  const start = alike(ours, theirs);
  const end = alike(ours.slice(start).reverse(), theirs.slice(start).reverse());
  const cut = ours.length - end;
  const middle = element("mark", { textContent: ours.slice(start, cut).join("") });
  return [ours.slice(0, start).join(""), ...(other && middle.textContent ? [middle] : [middle.textContent]), ours.slice(cut).join("")];
}

function alike(ours, theirs) {
  const at = ours.findIndex((word, index) => word !== theirs[index]);
  return at < 0 ? ours.length : at;
}
