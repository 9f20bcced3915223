// Follows images until their vignettes are there: one request for all of a page, whoever follows them, at most one a second.

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;
const SLOWER = 1.2; // from look to look
const BUDGET_MS = 8; // of a task that tells of many
const MOST_AT_ONCE = 100; // what the service takes in a request

const IMAGES = new URL("../../images", import.meta.url); // this file is at /assets/<digest>/

const followed = new Map(); // by what the page calls the image: whom to tell
let pauseMs = FIRST_PAUSE_MS;
let lookedAt = -Infinity;
let timer = null;

/**
 * Call *told* with the image *ref*, as the API describes it, after each look at it, or with null if there is none any more;
 * until *told* returns true: then nobody is told of that image any more. *ref* is its number or its public name.
 */
export function follow(ref, told) {
  const key = String(ref);
  followed.set(key, [...(followed.get(key) ?? []), told]);
  pauseMs = FIRST_PAUSE_MS;
  plan();
}

/** Look again after *ms*, or when the reader comes back to the page; never twice within a second. */
function plan(ms = pauseMs) {
  clearTimeout(timer);
  if (!followed.size || document.hidden) return;
  timer = setTimeout(look, Math.max(ms, lookedAt + FIRST_PAUSE_MS - performance.now()));
}

/** Ask once for what is followed; those at the end of the line come to the front if there are too many for one request. */
async function look() {
  lookedAt = performance.now();
  const refs = [...followed.keys()].slice(0, MOST_AT_ONCE);
  try {
    const answer = await fetch(`${IMAGES}?ids=${refs.join(",")}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const { images } = await answer.json();
    const found = new Map(images.flatMap((image) => [[String(image.id), image], [image.public_name, image]]));
    let end = performance.now() + BUDGET_MS;
    for (const ref of refs) {
      tell(ref, found.get(ref) ?? null);
      if (performance.now() < end) continue;
      await new Promise((resolve) => setTimeout(resolve)); // let the browser answer the reader
      end = performance.now() + BUDGET_MS;
    }
  } catch {
    // The service is away or busy: it is asked again, later.
  }
  pauseMs = Math.min(pauseMs * SLOWER, LONGEST_PAUSE_MS);
  plan();
}

function tell(ref, image) {
  const waiting = (followed.get(ref) ?? []).filter((told) => !told(image) && image);
  followed.delete(ref);
  if (waiting.length) followed.set(ref, waiting);
}

addEventListener("visibilitychange", () => {
  pauseMs = FIRST_PAUSE_MS;
  plan(0);
});
