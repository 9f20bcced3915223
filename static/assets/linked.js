// The page of a signed link: how the picture looks until it is loaded, the picture as soon as it is made, and until when in
// the reader's own time.

import { previewIn } from "./previews.js";
import { localTimesIn } from "./times.js";

const PAUSE_MS = 2000;

const waiting = (place) => place.querySelector(".mat:is(.pending, .processing)");

/** Ask for this page until there is a picture, or none will come; put its content in the place of what is here. */
function lookAgain() {
  setTimeout(async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer || answer.status === 429 || answer.status >= 500) return lookAgain();
    if (!answer.ok) return location.reload(); // the link has ended: that page tells so
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (waiting(page)) return lookAgain();
    document.querySelector("main").replaceWith(document.importNode(page.querySelector("main"), true));
    dress();
  }, PAUSE_MS);
}

function dress() {
  previewIn(document);
  localTimesIn(document);
}

dress();
if (waiting(document)) lookAgain();
