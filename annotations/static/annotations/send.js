/** Submitting without leaving the page before the server has the answer. Without this module the plain form does it. */

import { element, show, tell } from "./dialogs.js";
import { say } from "./saving.js";
import { signIn, somebodyElse } from "./signin.js";
import { ask } from "./talk.js";

const FIRST_WAIT = 2000;
const LONGEST_WAIT = 30_000;

/** Send the form this way. The page's own handlers go first, and may stop it. */
export function sendBy(form) {
  let sending = false;
  document.addEventListener("submit", async (event) => {
    const { submitter } = event;
    if (event.target !== form || event.defaultPrevented || (submitter?.name === "do" && submitter.value !== "submit")) return;
    event.preventDefault();
    if (sending) return;
    sending = true;
    submitter?.setAttribute("aria-busy", "true");
    form.dispatchEvent(new CustomEvent("sending"));
    if (await send(form)) return;
    form.dispatchEvent(new CustomEvent("unsent"));
    submitter?.removeAttribute("aria-busy");
    sending = false;
  });
}

/** Returns whether the page goes on to the next one. */
async function send(form) {
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    // Read anew each time: what was changed while the line was down belongs to the answer. The key stays the same.
    const answer = await ask(form.action, { method: "POST", body: () => new FormData(form) });
    if (answer.status === 0) await lineIsBack(wait);
    else if (answer.status !== 401 || !(await signIn())) return end(form, answer);
  }
}

function lineIsBack(wait) {
  say("kept", gettext("Kept on this device. Sending again when the line is back."));
  return new Promise((resolve) => {
    setTimeout(resolve, wait);
    addEventListener("online", resolve, { once: true });
  });
}

function end(form, { status, said }) {
  if (status === 200 && said.next) return location.assign(said.next), true;
  if (status === 401) return say("out", gettext("Kept on this device. You are signed out; submit to sign in here."));
  if (said.problem === "somebody_else") return somebodyElse(said.name);
  if (status === 409 && said.querySelector("#both")) return conflict(said);
  if ([403, 404, 409, 413].includes(status) && said.querySelector) return refused(form, said);
  // A mistake in the form, or something unforeseen: the server says it best, on a page of its own.
  return form.submit();
}

/** The server's own page of both answers, over this one: its forms work as they are. */
function conflict(page) {
  const both = document.importNode(page.getElementById("both"), true);
  const title = element("h2", { id: "both-title", textContent: both.querySelector("h1").textContent });
  both.querySelector("h1").replaceWith(title);
  show(title.textContent, "wide", both);
}

/** Not taken, and sending it again would not help: say why, and leave the text where it can be copied. */
function refused(form, page) {
  const [title, sentence] = ["main h1", "main .lead"].map((at) => page.querySelector(at)?.textContent ?? "");
  const typed = [...new FormData(form)].filter(([name, value]) => value && !/^(csrfmiddlewaretoken|key|making|base|do)$/.test(name));
  const text = element("p", { className: "reading", textContent: typed.map(([, value]) => value).join("\n") });
  tell(title, `${sentence} ${gettext("What you wrote is still here, and on this device.")}`, [[gettext("Back to what I wrote")]], text);
}
