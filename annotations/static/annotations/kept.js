/** Where the page of a question is closed to its person: what they wrote there and did not send is still theirs. */

import { copiesBy } from "./store.js";

const place = document.getElementById("kept");
// A bare number or a tick says nothing here.
const TICKED = /^(rating|flags|unsure|compared|corrected|strength|both_bad)/;
const typed = (body) => Object.entries(body).filter(([name]) => !TICKED.test(name)).flatMap(([, said]) => said).filter(Boolean).join("\n\n");

const texts = (await copiesBy(place.dataset.person)).map(({ body }) => typed(body)).filter(Boolean);
for (const text of texts) {
  const line = document.createElement("p");
  line.className = "reading card";
  line.textContent = text;
  place.append(line);
}
place.hidden = texts.length === 0;
