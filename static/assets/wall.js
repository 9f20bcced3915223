// The wall: how pictures look until they come, vignettes that are still being made, the days as the reader's clock has them.

import { follow } from "./following.js";
import { previewIn } from "./previews.js";
import { select, takeOff } from "./selecting.js";
import { localTimesIn } from "./times.js";

const TOLD_TOGETHER_MS = 3000;

const walls = document.querySelector(".walls");
const status = walls.querySelector("[role=status]");
let ready = [];

/** Tell a screen reader what has become ready within some seconds, in one sentence. */
function announce(name) {
  ready.push(name);
  if (ready.length > 1) return;
  setTimeout(() => {
    const { ready: one, severalReady } = walls.dataset;
    status.textContent = ready.length > 1 ? severalReady.replace("{number}", ready.length) : one.replace("{name}", ready[0]);
    ready = [];
  }, TOLD_TOGETHER_MS);
}

const imageIn = (element) => element.querySelector("img");

function setState(tile, state, words = "") {
  tile.classList.remove("pending", "processing", "failed", "ready");
  tile.classList.add(state);
  const told = tile.querySelector(".state");
  if (told && words) told.textContent = words;
  else told?.remove();
}

function fail(tile) {
  const shown = imageIn(tile);
  shown.removeAttribute("srcset");
  shown.src = walls.dataset.cross;
  setState(tile, "failed", walls.dataset.failed);
}

/** Put *fresh* in place of what stands there, once it is decoded: the place is never empty. */
async function replace(tile, fresh) {
  await (fresh.matches("img") ? fresh : imageIn(fresh)).decode().catch(() => {});
  const shown = imageIn(tile);
  tile.querySelector("canvas")?.remove();
  (shown.closest("picture") ?? shown).replaceWith(fresh);
}

/** Show what there is of *image* by now; return whether nothing more will come. */
function update(tile, image) {
  if (!image) {
    takeOff(tile);
    return true;
  }
  if (image.state === "failed") {
    fail(tile);
    return true;
  }
  if (image.state !== "ready") return false;
  const wanted = tile.dataset.recipes.split(" ");
  const isComing = wanted.some((recipe) => recipe in image.renditions_pending);
  const there = wanted.find((recipe) => recipe in image.links.vignettes);
  if (tile.querySelector(".state") && (there || !isComing)) {
    setState(tile, "ready");
    announce(imageIn(tile).alt);
    if (isComing) imageIn(tile).src = firstOf(tile, image.links.vignettes[there], image.frames > 1);
  }
  if (!isComing) replace(tile, document.importNode(tile.querySelector("template").content, true).firstElementChild);
  return !isComing;
}

/** Of a picture that moves the still one is there first, under a URL of its own. */
function firstOf(tile, url, moves) {
  const address = new URL(url);
  if (moves) address.searchParams.set("still", "1");
  return address.pathname + address.search;
}

/** The picture that is opened grows out of its place, where the browser shows how one page becomes another. */
walls.addEventListener("click", ({ target }) => {
  walls.querySelectorAll("img").forEach((picture) => picture.style.removeProperty("view-transition-name"));
  target.closest("a")?.querySelector("img")?.style.setProperty("view-transition-name", "picture");
});

previewIn(walls);
// One after another: between them the browser draws, and answers the reader.
for (const work of [
  () => select(walls, document.getElementById("selection")),
  () => localTimesIn(walls),
  () => walls.querySelectorAll("[data-recipes]").forEach((tile) => follow(tile.dataset.ref, (image) => update(tile, image))),
]) {
  await new Promise((resolve) => setTimeout(resolve));
  work();
}
