/** What stands in the fields of a form, as {name: [values]}: a copy, a draft and the form itself all speak this. */

const isChoice = (field) => field.type === "radio" || field.type === "checkbox";
const named = (form, names) => [...form.elements].filter((field) => names.test(field.name));

export function bodyOf(form, names) {
  const body = {};
  for (const field of named(form, names)) {
    body[field.name] ??= [];
    if (!isChoice(field) || field.checked) body[field.name].push(field.value);
  }
  return body;
}

/** What the server put into the fields, whatever was typed since. */
export function bodyFromServer(form, names) {
  const body = {};
  for (const field of named(form, names)) {
    body[field.name] ??= [];
    if (!isChoice(field) || field.defaultChecked) body[field.name].push(isChoice(field) ? field.value : field.defaultValue);
  }
  return body;
}

/** Put a body into the fields. Returns false, and changes nothing, where it has more texts than the page has fields. */
export function fill(form, names, body) {
  const fields = named(form, names);
  const texts = (name) => fields.filter((field) => field.name === name && !isChoice(field)).length;
  const has = (name) => fields.some((field) => field.name === name && isChoice(field)) || texts(name) >= body[name].length;
  if (!Object.keys(body).every(has)) return false;
  const left = Object.fromEntries(Object.entries(body).map(([name, values]) => [name, [...values]]));
  for (const field of fields) {
    if (!(field.name in body)) continue;
    if (isChoice(field)) field.checked = body[field.name].includes(field.value);
    else field.value = left[field.name].shift() ?? "";
  }
  form.dispatchEvent(new CustomEvent("restored"));
  return true;
}

/** One text for bodies between which a person would see no difference. */
export function written(body) {
  const said = Object.entries(body ?? {}).map(([name, values]) => [name, values.map((value) => value.trim())]);
  return JSON.stringify(said.filter(([, values]) => values.some(Boolean)).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Each field that a person filled, by a name that they know, in the words that they chose. */
export function labelled(form, body) {
  const said = Object.entries(body).map(([name, values]) => [name, values.filter((value) => value.trim()), fieldsOf(form, name)]);
  const shown = said.filter(([, values, [field]]) => values.length && field?.type !== "hidden");
  return Object.fromEntries(shown.map(([name, values, fields]) => [labelOf(name, fields[0]), together(values.map((value) => inWords(fields, value)))]));
}

const fieldsOf = (form, name) => [...form.elements].filter((field) => field.name === name);
const together = (values) => values.join(values.some((value) => value.length > 40) ? "\n\n" : ", ");

function labelOf(name, field) {
  const legend = field && isChoice(field) ? field.closest("fieldset")?.querySelector("legend") : null;
  return wordsOf(legend ?? field?.labels?.[0]).split(/[:：]/)[0] || name;
}

/** The words beside what was chosen; what was typed as it is. A box that stands alone is named by its label already. */
function inWords(fields, value) {
  const field = fields.find((one) => isChoice(one) && one.value === value);
  if (!field) return value;
  return field.closest("fieldset") ? wordsOf(field.labels[0]) || value : gettext("yes");
}

/** A label may go on explaining, after a colon or in an element of its own; keys and numbers are for the eye. */
function wordsOf(label) {
  const parts = [...(label?.childNodes ?? [])].filter((part) => part.getAttribute?.("aria-hidden") !== "true");
  const words = parts.map((part) => part.textContent.trim()).find(Boolean) ?? "";
  return words.replace(/\s+/g, " ");
}
