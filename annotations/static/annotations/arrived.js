/** The page after an answer was taken: the device's own copy of it is no longer needed. */

import { forgetDraft } from "./draft.js";

for (const toast of document.querySelectorAll("[data-answered]")) forgetDraft(toast.dataset.answered);
