/**
 * Copies of what is typed, on this device (IndexedDB). A copy belongs to one person and one assignment and is made by
 * one page: {id, person, assignment, of, body, version, revision, at}. Without storage everything still works.
 */

const COPIES = "copies";
const SENT = "tutelage-sent";
let opened = null;

function open() {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open("tutelage", 1);
      request.onupgradeneeded = () => {
        const store = request.result.createObjectStore(COPIES, { keyPath: "id" });
        store.createIndex("of", "of");
        store.createIndex("person", "person");
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

/** Do one thing with the copies; `fallback` where the storage is forbidden, full or broken. */
async function within(mode, act, fallback) {
  const database = await open();
  if (!database) return fallback;
  return new Promise((resolve) => {
    try {
      const transaction = database.transaction(COPIES, mode);
      const request = act(transaction.objectStore(COPIES));
      request.onsuccess = () => resolve(request.result ?? fallback);
      transaction.onerror = transaction.onabort = () => resolve(fallback);
      // A page that is being left does not wait for the transaction to end by itself.
      transaction.commit?.();
    } catch {
      resolve(fallback);
    }
  });
}

const together = (person, assignment) => `${person}/${assignment}`;

/** Write a copy. Returns whether it is kept. */
export async function keep(copy) {
  const kept = { ...copy, of: together(copy.person, copy.assignment), at: Date.now() };
  return (await within("readwrite", (store) => store.put(kept), null)) !== null;
}

/** The person's copies of one assignment, newest first. */
export async function copiesOf(person, assignment) {
  const found = await within("readonly", (store) => store.index("of").getAll(together(person, assignment)), []);
  return found.sort((one, other) => other.at - one.at);
}

/** Everything of one person that waits on this device, newest first. */
export async function copiesBy(person) {
  const found = await within("readonly", (store) => store.index("person").getAll(person), []);
  return found.sort((one, other) => other.at - one.at);
}

export const forget = (id) => within("readwrite", (store) => store.delete(id), null);

/** Remember in this window which copy is being sent: only that one goes when the server says that it has the answer. */
export function mark(assignment, id) {
  try {
    sessionStorage.setItem(SENT, JSON.stringify({ ...marks(), [assignment]: id }));
  } catch {
    // Then the copy stays, and is found equal to the answer when the page is opened again.
  }
}

export function marked(assignment) {
  return marks()[assignment];
}

function marks() {
  try {
    return JSON.parse(sessionStorage.getItem(SENT) ?? "{}");
  } catch {
    return {};
  }
}
