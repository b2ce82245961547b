/** The save state in the bottom bar: what is safe, and where. It says what is wrong aloud, and the rest in silence. */

import { page } from "./talk.js";

const ICONS = { saved: "check", saving: "check", long: "warning", kept: "warning", out: "warning" };
let savedAt = 0;
let said = "";

/** Show one of `ICONS` with a sentence. */
export function say(is, sentence) {
  const state = document.getElementById("save-state");
  if (!state) return;
  state.hidden = false;
  state.dataset.is = is;
  state.querySelector("use").setAttribute("href", `${page().icons}#${ICONS[is]}`);
  state.querySelector("span").textContent = sentence;
  const aloud = is === "saved" || is === "saving" ? "" : sentence;
  if (aloud !== said) document.getElementById("save-said").textContent = aloud;
  said = aloud;
}

export function saved() {
  if (!savedAt) setInterval(tick, 1000);
  savedAt = Date.now();
  tell();
}

function tick() {
  if (document.getElementById("save-state").dataset.is === "saved") tell();
}

function tell() {
  const seconds = Math.max(1, Math.round((Date.now() - savedAt) / 1000));
  const minutes = Math.round(seconds / 60);
  const sentence = minutes < 1 ? ngettext("Saved %s s ago", "Saved %s s ago", seconds) : ngettext("Saved %s min ago", "Saved %s min ago", minutes);
  say("saved", interpolate(sentence, [minutes < 1 ? seconds : minutes]));
}

export const saving = () => say("saving", gettext("Saving"));

/** Not on the server: why, and that it is kept here, which is not so where the device has no storage. */
export function unsaved({ status, said: answer }, isKept) {
  if (!isKept) return say("kept", gettext("Not saved yet. Keep this window open; trying again."));
  if (status === 0) return say("kept", gettext("Kept on this device. The server does not answer yet; trying again."));
  if (status === 401) return say("out", gettext("Kept on this device. You are signed out; submit to sign in here."));
  if (status === 413) return say("long", gettext("Too long for the server to keep a draft. It is kept on this device."));
  if (answer.problem === "answered") return say("kept", gettext("Kept on this device. You answered this in another window; submit to see both."));
  if (answer.problem === "somebody_else") return say("out", interpolate(gettext("Kept on this device. %s is signed in now."), [answer.name]));
  return say("kept", gettext("Kept on this device. The server does not take it."));
}
