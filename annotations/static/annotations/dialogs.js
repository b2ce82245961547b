/** Dialogs that are made when they are needed, from text alone. */

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Show a dialog that goes when it is closed. Keys of the page underneath stay with it. */
export function show(label, className, ...children) {
  const dialog = element("dialog", { className }, ...children);
  dialog.setAttribute("aria-label", label);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A heading, a sentence, and buttons as [label, what it does]; the first is the main one. Every button closes it. */
export function tell(title, sentence, buttons, ...extra) {
  const row = element("div", { className: "row" });
  const dialog = show(title, "asks", element("h2", { textContent: title }), element("p", { className: "sub", textContent: sentence }), ...extra, row);
  for (const [label, act] of buttons) {
    const button = element("button", { type: "button", className: row.childElementCount ? "btn" : "btn btn-main", textContent: label });
    button.addEventListener("click", () => (dialog.close(), act?.()));
    row.append(button);
  }
  row.querySelector("button")?.focus();
  return dialog;
}
