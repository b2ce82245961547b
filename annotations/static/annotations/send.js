/** Submitting without leaving the page before the server has the answer. Without this module the plain form does it. */

import { say } from "./saving.js";
import { ask, settled } from "./talk.js";

// What is rarely needed comes when it is: only after the server has answered, so there is a line.
const door = () => import("./signin.js");
const dialogs = () => import("./dialogs.js");

const FIRST_WAIT = 2000;
const LONGEST_WAIT = 30_000;

/** Send the form this way. The page's own handlers go first, and may stop it. */
export function sendBy(form) {
  let sending = false;
  document.addEventListener("submit", async (event) => {
    const { submitter } = event;
    // A button with a name of its own asks for another page of the same form.
    if (event.target !== form || event.defaultPrevented || (submitter?.name && submitter.value !== "submit")) return;
    event.preventDefault();
    if (sending) return;
    sending = true;
    form.dataset.sending = "";
    submitter?.setAttribute("aria-busy", "true");
    await send(form);
    delete form.dataset.sending;
    submitter?.removeAttribute("aria-busy");
    sending = false;
  });
}

async function send(form) {
  // A draft on its way would come to a question that is answered; one that hangs holds up nothing.
  await settled(FIRST_WAIT);
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    // Read anew each time: what was changed while the line was down belongs to the answer. The key stays the same.
    const answer = await ask(form.action, { method: "POST", body: () => new FormData(form) });
    if (answer.status === 0) await lineIsBack(wait);
    else if (answer.status !== 401 || !(await signedIn())) return end(form, answer);
  }
}

async function signedIn() {
  const way = await door().catch(() => null);
  return way ? way.signIn() : false;
}

function lineIsBack(wait) {
  say("kept", gettext("Kept on this device. Sending again when the line is back."));
  return new Promise((resolve) => {
    setTimeout(resolve, wait);
    addEventListener("online", resolve, { once: true });
  });
}

async function end(form, { status, said }) {
  if (status === 200 && said.next) return go(form, said.next);
  if (status === 401) return say("out", gettext("Kept on this device. You are signed out; submit to sign in here."));
  if (said.problem === "somebody_else") return (await door()).somebodyElse(said.name);
  if (status === 409 && said.querySelector("#both")) return conflict(said);
  if ([403, 404, 409, 413].includes(status) && said.querySelector) return refused(form, said);
  // A mistake in the form, or something unforeseen: the server says it best, on a page of its own.
  form.dispatchEvent(new CustomEvent("sent"));
  return form.submit();
}

function go(form, next) {
  form.dispatchEvent(new CustomEvent("sent"));
  location.assign(next);
}

/** The server's own page of both answers, over this one: its forms work as they are. */
async function conflict(page) {
  const { element, show } = await dialogs();
  const both = document.importNode(page.getElementById("both"), true);
  const title = element("h2", { id: "both-title", textContent: both.querySelector("h1").textContent });
  both.querySelector("h1").replaceWith(title);
  show(title.textContent, "wide", both);
}

/** Not taken, and sending it again would not help: say why, and leave the text where it can be copied. */
async function refused(form, page) {
  const { element, tell } = await dialogs();
  const [title, sentence] = ["main h1", "main .lead"].map((at) => page.querySelector(at)?.textContent ?? "");
  const typed = [...new FormData(form)].filter(([name, value]) => value && !/^(csrfmiddlewaretoken|key|making|base|do)$/.test(name));
  const text = element("p", { className: "reading", textContent: typed.map(([, value]) => value).join("\n") });
  tell(title, `${sentence} ${gettext("What you wrote is still here, and on this device.")}`, [[gettext("Back to what I wrote")]], text);
}
