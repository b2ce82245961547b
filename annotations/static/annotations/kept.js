/** Where the page of a question is closed to its person: what they wrote there and did not send is still theirs. */

import { copiesBy } from "./store.js";

const place = document.getElementById("kept");
const copies = await copiesBy(place.dataset.person);
for (const { body } of copies) {
  const line = document.createElement("p");
  line.className = "reading";
  line.textContent = Object.values(body).flat().filter(Boolean).join("\n\n");
  place.append(line);
}
place.hidden = copies.length === 0;
