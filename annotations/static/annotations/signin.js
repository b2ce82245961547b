/** Signing in without leaving the page: the site's own forms, the code of an authenticator app too, in a dialog. */

import { element, show, tell } from "./dialogs.js";
import { page, read, renew } from "./talk.js";

/** Ask until the person is signed in, or closes the dialog. Returns whether it is the one who wrote. */
export async function signIn() {
  const { login, here } = page();
  let step = await get(`${login}?next=${encodeURIComponent(here)}`);
  let before = null;
  while (!step?.person) {
    const form = step?.querySelector("main form") ?? before;
    if (!form) return refused(step);
    const sent = await asked(form, step);
    if (!sent) return false;
    before = form;
    step = await get(form.action, { method: "POST", body: sent });
  }
  return arrived(step);
}

async function get(url, options) {
  try {
    return await read(await fetch(url, options));
  } catch {
    return null;
  }
}

/** Show one form of the way in; resolves with what was filled in, or null when the dialog was closed. */
function asked(form, step) {
  const title = element("h2", { textContent: gettext("You were signed out") });
  const sentence = step ? gettext("What you wrote is kept on this device, and is sent as soon as you are back.") : gettext("The server does not answer yet. Try again.");
  const fields = document.importNode(form, true);
  prepare(fields);
  const dialog = show(title.textContent, "asks", title, element("p", { className: "sub", textContent: sentence }), fields);
  fields.querySelector("input:not([type=hidden]):placeholder-shown, input[type=password], input[name=code]")?.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(null));
    fields.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve(new FormData(fields));
      dialog.close();
    });
  });
}

function prepare(form) {
  form.querySelectorAll(".caption").forEach((line) => line.remove());
  form.querySelector("button:not([type=button])").textContent = gettext("Sign in and send");
  const name = form.querySelector("input[name=login]");
  if (name && !name.value) name.value = page().name;
}

function refused(step) {
  const [title, sentence] = step ? [".empty h1", ".lead"].map((at) => step.querySelector(at)?.textContent ?? "") : ["", ""];
  tell(title || gettext("You were signed out"), sentence || gettext("The server does not answer yet. Try again."), [[gettext("Back to what I wrote")]]);
  return false;
}

function arrived({ person, name, csrf }) {
  renew(csrf);
  if (person === page().person) return true;
  return somebodyElse(name);
}

/** Nothing of one person is ever sent as another's. */
export function somebodyElse(name) {
  const writer = page().name;
  const title = interpolate(gettext("%s is signed in now"), [name]);
  const sentence = interpolate(gettext("%s wrote this, so nothing was sent. It stays on this device for them."), [writer]);
  tell(title, sentence, [[gettext("Close")]]);
  return false;
}
