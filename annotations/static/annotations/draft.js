/** What is typed is never lost: it is kept on this device at once, and as a draft on the server a moment later. */

import { bodyFromServer, bodyOf, fill, labelled, written } from "./fields.js";
import { saved, saving, unsaved } from "./saving.js";
import { copiesOf, forget, keep, mark, marked } from "./store.js";
import { ask, page } from "./talk.js";

const SOON = 2000;
const LATER = 10_000;
const MOST_WHILE_LEAVING = 60_000;
// Every text that this page knows: one of them coming back from the server is no other window's.
const known = new Set();

/**
 * Keep the fields of the form whose names fit, and put back what an earlier visit left; the form hears "restored" then.
 * `save` is for changes that come without an event.
 */
export function keepDraft(form, names) {
  const id = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  const revision = Number(form.elements.base.value || 0);
  const draft = { form, names, id, revision, version: Number(page().version), timer: 0, busy: false, over: false, isKept: true };
  draft.last = draft.onServer = written(bodyFromServer(form, names));
  known.add(draft.last);
  const save = () => changed(draft);
  form.addEventListener("input", save);
  form.addEventListener("change", save);
  // Sent or skipped: the next page says whether the server has it.
  document.addEventListener("submit", () => mark(form.dataset.assignment, id));
  // At the window every handler has had its say: what is left is a form that goes to its next page with all its texts.
  addEventListener("submit", (event) => event.target === form && !event.defaultPrevented && handOver(draft));
  form.addEventListener("sent", () => (draft.over = true));
  addEventListener("pagehide", () => leave(draft));
  addEventListener("online", () => draft.onServer !== draft.last && push(draft));
  resume(draft);
  // Somebody may have typed before this module came.
  save();
  return { save };
}

function changed(draft) {
  const now = bodyOf(draft.form, draft.names);
  if (written(now) === draft.last) return;
  draft.form.dataset.touched = "";
  remember(draft, now);
  schedule(draft, SOON);
}

function remember(draft, body, clean = false) {
  draft.last = written(body);
  known.add(draft.last);
  const { id, version, revision, beside, sent } = draft;
  const copy = { id, version, revision, beside, sent, clean, body, person: page().person, assignment: draft.form.dataset.assignment };
  keep(copy).then((isKept) => (draft.isKept = isKept));
}

/** The next page saves what it was sent: a save from here would come after it was made, as if from another window. */
function handOver(draft) {
  clearTimeout(draft.timer);
  draft.timer = 0;
  draft.onServer = draft.last = written(bodyOf(draft.form, draft.names));
}

function schedule(draft, after) {
  if (!draft.over) draft.timer ||= setTimeout(push, after, draft);
}

function write(draft, body, options = {}) {
  const sent = JSON.stringify({ version: draft.version, revision: draft.revision, body });
  return ask(page().save, { method: "PUT", headers: { "Content-Type": "application/json" }, body: sent, ...options });
}

async function push(draft) {
  clearTimeout(draft.timer);
  draft.timer = 0;
  if (draft.busy || "sending" in draft.form.dataset) return schedule(draft, SOON);
  const body = bodyOf(draft.form, draft.names);
  draft.busy = true;
  draft.sent = written(body);
  saving();
  const answer = await write(draft, body);
  draft.busy = false;
  return draft.over ? undefined : heard(draft, body, answer);
}

function heard(draft, body, answer) {
  const { status, said } = answer;
  if (status === 200) return accepted(draft, body, said);
  if (status === 409 && said.problem !== "answered") return moved(draft, body, said);
  unsaved(answer, draft.isKept);
  if ([0, 401].includes(status) || !draft.isKept) schedule(draft, LATER);
  return undefined;
}

function accepted(draft, body, { version, lease_minutes: minutes }) {
  draft.version = version;
  // Whoever types is at work: the server began the lease anew.
  draft.form.dataset.lease = new Date(Date.now() + minutes * 60_000).toISOString();
  draft.onServer = written(body);
  saved();
  if (draft.onServer === draft.last) remember(draft, body, true);
  else schedule(draft, SOON);
}

/** Another window saved since. What this page wrote itself, as it was left, is no other text. */
function moved(draft, body, theirs) {
  if (theirs.body && !known.has(written(theirs.body))) return choose(draft, body, theirs);
  draft.version = theirs.version;
  return push(draft);
}

/** Both texts side by side. The form holds one of them; after this it holds what was chosen, and nothing is gone. */
async function choose(draft, mine, { body, version, saved_at: at }) {
  draft.busy = true;
  const both = await import("./both.js").catch(() => null);
  if (!both) return (draft.busy = false), schedule(draft, LATER);
  const settle = (chosen) => {
    Object.assign(draft, { version, busy: false });
    known.add(written(body));
    return take(draft, chosen);
  };
  const texts = { mine: labelled(draft.form, mine), theirs: labelled(draft.form, body), at };
  const choices = { here: () => settle(mine), there: () => settle(body), together: () => (put(draft, body), settle(mine)) };
  return both.askWhich(texts, choices);
}

async function put(draft, theirs) {
  draft.beside = theirs;
  const { aside } = await import("./both.js");
  document.getElementById("beside-place")?.replaceChildren(aside(labelled(draft.form, theirs)));
}

async function take(draft, body) {
  remember(draft, body);
  if (fill(draft.form, draft.names, body)) return push(draft);
  // The page has too few turns for it: the server makes them.
  const { status } = await write(draft, body);
  if (status === 200) location.reload();
  return undefined;
}

/** Open: the server's text is in the form; a copy on this device may be newer, or another one. */
async function resume(draft) {
  const { assignment, bound } = draft.form.dataset;
  const copies = await copiesOf(page().person, assignment);
  // What was sent came back, and is newer than every copy and than the server's draft.
  if (bound) return inherit(draft, marked(assignment) ?? "");
  const isOver = (copy) => known.has(written(copy.body)) || isPassed(draft, copy);
  copies.filter(isOver).forEach((copy) => forget(copy.id));
  const other = copies.find((copy) => !isOver(copy));
  return other && reopen(draft, other);
}

function inherit(draft, sent) {
  remember(draft, bodyOf(draft.form, draft.names));
  forget(sent);
  draft.onServer = null;
  schedule(draft, SOON);
}

/** The server had this very text, and a window that knew it saved another one over it. */
function isPassed(draft, copy) {
  return copy.clean && copy.revision === draft.revision && copy.version < draft.version;
}

function reopen(draft, copy) {
  const typed = "touched" in draft.form.dataset;
  const now = bodyOf(draft.form, draft.names);
  // The page was left before it heard that the server has what it sent.
  const follows = copy.revision === draft.revision && (copy.version >= draft.version || copy.sent === draft.onServer);
  forget(copy.id);
  remember(draft, copy.body);
  if (copy.beside) put(draft, copy.beside);
  return follows && !typed ? take(draft, copy.body) : choose(draft, copy.body, { body: now, version: draft.version });
}

function leave(draft) {
  const body = bodyOf(draft.form, draft.names);
  if (draft.over || written(body) === draft.onServer || written(body).length > MOST_WHILE_LEAVING) return;
  write(draft, body, { keepalive: true });
}
