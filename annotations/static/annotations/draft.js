/** What is typed stays on this device until it is sent: a closed tab or a broken line loses nothing. */

const PREFIX = "tutelage-draft-";

/** Keep the form's fields as they change, and put back what an earlier visit left. Returns whether it did. */
export function keepDraft(form, names) {
  const place = PREFIX + form.dataset.assignment;
  // The server's own errors come back with the newest text: that wins over the device's.
  const restored = !form.dataset.bound && restore(form, names, read(place));
  // A page that is left says "change" once more, maybe after the next page has forgotten the draft.
  let sent = false;
  const save = () => sent || store(place, Object.fromEntries(fields(form, names).map((field) => [idOf(field), valueOf(field)])));
  form.addEventListener("input", save);
  form.addEventListener("change", save);
  form.addEventListener("formdata", () => (sent = true));
  addEventListener("pageshow", () => (sent = false));
  return { restored, save };
}

/** Forget drafts: called on a page that the server opens only after it has taken the answer. */
export function forgetDraft(assignment) {
  try {
    localStorage.removeItem(PREFIX + assignment);
  } catch {
    // Without storage there is nothing to forget.
  }
}

const fields = (form, names) => [...form.elements].filter((field) => names.test(field.name));
const idOf = (field) => (field.type === "radio" || field.type === "checkbox" ? `${field.name}=${field.value}` : field.id);
const valueOf = (field) => (field.type === "radio" || field.type === "checkbox" ? field.checked : field.value);

function restore(form, names, kept) {
  if (!kept) return false;
  for (const field of fields(form, names)) {
    const value = kept[idOf(field)];
    if (typeof value === "boolean") field.checked = value;
    else if (typeof value === "string") field.value = value;
  }
  return true;
}

function read(place) {
  try {
    return JSON.parse(localStorage.getItem(place) ?? "null");
  } catch {
    return null;
  }
}

function store(place, values) {
  try {
    localStorage.setItem(place, JSON.stringify(values));
  } catch {
    // A full or forbidden storage must not stop anybody's work.
  }
}
