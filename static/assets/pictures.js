// Shows what pictures look like until they are there, and puts vignettes in their place as soon as they are made. Without this
// script there is an empty frame meanwhile, and the vignettes are there at the next visit.

import { decode } from "./thumbhash.js";

const HASH_EDGE_PX = 24; // as many as the hash was made of; the browser draws it larger, and smooth

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 8000;
const LOOKS = 30; // over three minutes; whoever waits longer reloads the page

/** Paint the ThumbHash of a picture behind it, as large, until it is there; its mean colour where nothing can be painted. */
function preview(picture) {
  if (picture.complete) return;
  const [width, height] = ["width", "height"].map((side) => Number(picture.getAttribute(side)));
  const scale = HASH_EDGE_PX / Math.max(width, height);
  const canvas = document.createElement("canvas");
  canvas.className = picture.className;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  // A style attribute is what the page's policy forbids.
  canvas.style.setProperty("--width", `${width}px`);
  canvas.style.setProperty("--height", `${height}px`);
  canvas.style.aspectRatio = `${width} / ${height}`;
  const context = canvas.getContext("2d");
  if (context) {
    const pixels = decode(picture.dataset.thumbhash, canvas.width, canvas.height);
    context.putImageData(new ImageData(pixels, canvas.width, canvas.height), 0, 0);
  } else {
    canvas.style.backgroundColor = picture.dataset.colour;
  }
  (picture.closest("picture") ?? picture).before(canvas);
  const remove = () => canvas.remove();
  picture.addEventListener("load", () => picture.decode().then(remove, remove), { once: true });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask after the vignette once more; tells whether that is settled. */
async function look(mat) {
  const made = mat.querySelector("template").content.firstElementChild; // <img>, or a <picture> around it
  const url = (made.closest("img") ?? made.querySelector("img")).getAttribute("src");
  const { status } = await fetch(url, { method: "HEAD" });
  if (status === 200) {
    const fresh = document.importNode(made, true);
    await (fresh.closest("img") ?? fresh.querySelector("img")).decode().catch(() => {}); // there is no moment without a picture
    mat.replaceChildren(fresh);
    mat.className = "mat tile ready";
  } else if (status === 422) {
    const state = mat.querySelector(".state");
    state.textContent = state.dataset.failed;
    mat.querySelector("img").src = state.dataset.cross;
    mat.className = "mat tile failed";
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
document.querySelectorAll("img[data-thumbhash]").forEach(preview);
