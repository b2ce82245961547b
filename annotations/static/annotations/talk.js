/** How a page of the desk talks with the server by itself: always for the person who wrote, with the form's own token. */

let about = null;
let asked = Promise.resolve();
let line = null;

/** What the page says about itself: who writes, which versions it knows, and the addresses that it needs. */
export function page() {
  about ??= { ...document.querySelector("[data-kept]")?.dataset };
  return about;
}

export const token = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";

/** Give every form of the page a new token. */
export function renew(csrf) {
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = csrf;
}

/**
 * Ask the server. Returns {status, said}: `said` is its JSON, or the document that it sent instead.
 * Status 0: there is no line, or whoever answers cannot. An old token is renewed, and the same is asked once more.
 */
export async function ask(url, options, again = true) {
  const answer = await (asked = reach(url, options));
  if (answer.status === 403 && answer.said.problem === "out_of_date" && again) {
    renew(answer.said.csrf);
    return ask(url, options, false);
  }
  return answer;
}

/** Resolves when what was asked last is answered. What is not after `most` ms is given up: it must not come later. */
export async function settled(most) {
  const hangs = setTimeout(() => line?.abort(), most);
  await asked;
  clearTimeout(hangs);
}

async function reach(url, { body, ...options }) {
  line = new AbortController();
  const { signal } = line;
  const headers = { "X-Written-By": page().person, "X-CSRFToken": token(), ...options.headers };
  try {
    // A redirect is for a person to follow: the caller sends the plain form then.
    const response = await fetch(url, { redirect: "manual", signal, ...options, headers, body: body instanceof Function ? body() : body });
    if (response.type === "opaqueredirect") return { status: 302, said: {} };
    return response.status >= 500 ? { status: 0, said: {} } : { status: response.status, said: await read(response) };
  } catch {
    return { status: 0, said: {} };
  }
}

export async function read(response) {
  const text = await response.text();
  if (response.headers.get("Content-Type")?.startsWith("application/json")) return JSON.parse(text);
  return new DOMParser().parseFromString(text, "text/html");
}
