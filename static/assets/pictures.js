// Shows how a picture looks until it is loaded, and replaces a placeholder, or a smaller or still vignette, by the vignette as soon
// as that is made. Without this script the reader sees what there was meanwhile, and the vignettes at the next visit.

import { previewIn } from "./previews.js";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 8000;
const LOOKS = 30; // they take over three minutes; after that the reader has to reload the page

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const image = (element) => element.closest("img") ?? element.querySelector("img"); // *element* may be a <picture> around it

/** Ask for *url* once: its status, and whether something better will come. Who does not name WebP is shown nothing that moves. */
async function ask(url) {
  const { status, headers } = await fetch(url, { method: "HEAD", headers: { Accept: "image/webp,*/*" } });
  return { status, better: headers.get("Cache-Control") === "no-cache" };
}

/** The URL of the still vignette: another than that of the moving one, which a browser would not ask for again. */
function still(url) {
  const other = new URL(url, location);
  other.searchParams.set("still", "1");
  return other.href;
}

/** What stands at *selector* in this page, as the service makes it now: it tells why a vignette could not be made. */
async function asItIsNow(selector) {
  const answer = await fetch(location, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return document.importNode(page.querySelector(selector), true);
}

/**
 * Ask for the vignette of *mat* once, in every width; show it if it is made, or that it failed. Return whether that is settled.
 * Of a picture that moves, the still vignette comes first.
 */
async function look(mat) {
  const made = mat.querySelector("template").content.firstElementChild;
  const [src, srcset] = ["src", "srcset"].map((name) => image(made).getAttribute(name) ?? "");
  const widths = srcset.split(", ").filter(Boolean).map((candidate) => candidate.split(" ")[0]);
  const answers = await Promise.all([src, ...widths].map(ask));
  const status = Math.max(...answers.map((answer) => answer.status));
  if (status === 200 && answers.some(({ better }) => better)) {
    const shown = mat.querySelector("img");
    if (shown.src !== still(src)) shown.src = still(src);
    mat.querySelector(".state")?.remove();
    return false;
  }
  if (status === 200) {
    const fresh = document.importNode(made, true);
    await image(fresh).decode().catch(() => {}); // so that the frame is never empty
    mat.replaceChildren(fresh);
    mat.classList.remove("pending", "processing");
    mat.classList.add("ready");
  } else if (status === 422 && mat.querySelector(".state")) {
    const state = mat.querySelector(".state");
    state.textContent = state.dataset.failed;
    mat.querySelector("img").src = state.dataset.cross;
    mat.className = "mat tile failed";
  } else if (status === 422 && mat.matches(".exhibit > *")) {
    mat.replaceWith(await asItIsNow(".exhibit > .mat"));
  }
  return status === 200 || status >= 400;
}

async function watch(mats) {
  for (let looks = 0, ms = FIRST_PAUSE_MS; mats.length && looks < LOOKS; looks += 1) {
    await pause(ms);
    const settled = await Promise.all(mats.map(look));
    mats = mats.filter((_, index) => !settled[index]);
    ms = Math.min(ms * 1.5, LONGEST_PAUSE_MS);
  }
}

watch([...document.querySelectorAll(".mat:has(> template)")]);
previewIn(document);
