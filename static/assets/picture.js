// The page of one picture: its size, the vignette as soon as it is made, the viewer at the first click, keys, copies.

import { copyOnClick } from "./copying.js";
import { findIn } from "./finding.js";
import { follow } from "./following.js";
import { keys } from "./keys.js";
import { decode } from "./thumbhash.js";
import { localTimesIn } from "./times.js";

const HASH_EDGE_PX = 24; // the size from which the hash was made; the browser enlarges it, and smooths it
const SHARP_ENOUGH = 1.3; // device pixels for each of the vignette
const ZOOM_PATIENCE_S = 15;

const mat = () => document.querySelector(".exhibit .mat");

/** Tell the style sheet the shape of the picture, so that its box is exact whatever file stands for it. */
function measure(place) {
  const picture = place.querySelector(".picture");
  if (!picture) return;
  const [width, height] = ["width", "height"].map((side) => Number(picture.getAttribute(side)));
  place.style.setProperty("--width", `${width}px`);
  place.style.setProperty("--ratio", String(width / height));
  place.classList.add("measured");
}

/** Paint the ThumbHash behind the picture until it is loaded; its mean colour if the browser cannot paint. */
function preview(place) {
  const picture = place.querySelector("img[data-thumbhash]");
  if (!picture || picture.complete) return;
  const ratio = Number(place.style.getPropertyValue("--ratio"));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(HASH_EDGE_PX * Math.min(1, ratio)));
  canvas.height = Math.max(1, Math.round(HASH_EDGE_PX / Math.max(1, ratio)));
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
  picture.addEventListener("error", remove, { once: true });
}

/** Where the window shows more pixels than the largest vignette has, show what is made for viewers, once it is there. */
async function sharpen(place) {
  const picture = place.querySelector(".open img");
  if (!picture) return;
  await picture.decode().catch(() => {});
  const { links, width, frames } = JSON.parse(place.querySelector(".open").dataset.image);
  const there = Math.max(...picture.srcset.split(", ").map((candidate) => parseInt(candidate.split(" ")[1], 10)));
  const wanted = Math.min(width, picture.getBoundingClientRect().width * devicePixelRatio);
  if (frames > 1 || wanted < there * SHARP_ENOUGH) return;
  const headers = { Prefer: `wait=${ZOOM_PATIENCE_S}`, Accept: "image/webp,image/jpeg,*/*" };
  const answer = await fetch(links.zoom, { headers }).catch(() => null);
  if (answer?.status !== 200) return;
  const sharp = new Image();
  sharp.src = links.zoom;
  await sharp.decode().then(() => {
    picture.removeAttribute("srcset");
    picture.src = links.zoom;
  }, () => {});
}

/** This page as the service makes it now: a function that gives what stands at a selector, to be put in here. */
async function asItIsNow() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return (selector) => {
    const found = page.querySelector(selector);
    return found && document.importNode(found, true);
  };
}

/** Put the new mat in the place of *place*, once its picture is decoded: so the frame is never empty. */
async function renew(place) {
  const now = await asItIsNow();
  const fresh = now(".exhibit .mat");
  if (!fresh) return location.reload();
  measure(fresh);
  await fresh.querySelector("img")?.decode().catch(() => {});
  const focused = place.contains(document.activeElement) ? document.activeElement.className : null;
  place.replaceWith(fresh);
  if (focused) fresh.querySelector(`.${CSS.escape(focused.split(" ").pop())}`)?.focus();
  const shortfall = now(".shortfall");
  if (shortfall && !document.querySelector(".shortfall")) document.querySelector(".share").before(shortfall);
  dress(fresh);
}

function dress(place) {
  measure(place);
  preview(place);
  if (place.dataset.follow) watch(place); // the larger ones come by themselves
  else sharpen(place);
}

/** Follow an image until all of its vignettes are there, or none will come. */
function watch(place) {
  let shown = place.dataset.state;
  let sizes = null;
  follow(place.dataset.follow, (image) => {
    if (!image) return true;
    const made = Object.keys(image.links.vignettes).length;
    const settled = image.state === "failed" || (image.state === "ready" && !Object.keys(image.renditions_pending).length);
    const changed = (image.state !== shown && (image.state === "ready" || settled)) || (sizes !== null && made > sizes);
    if (!changed && !settled) {
      sizes ??= made;
      return false;
    }
    if (place.hasAttribute("data-reload")) location.reload();
    else renew(place);
    return true;
  });
}

async function enlarge(event) {
  const link = event.target.closest?.(".open");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const { view } = await import("./viewer.js");
  view(link, document.querySelector("script[data-words]").dataset);
}

/** Most only look: the script that makes links comes with the first one that is asked for. */
async function link(event) {
  event.preventDefault();
  const { makeLink } = await import("./links.js");
  makeLink(event.target);
}

/** The clean copy is shared, or downloaded, once it is made. */
async function share(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const { handOver } = await import("./sharing.js");
  handOver(event.target);
}

if (mat()) {
  document.addEventListener("click", enlarge);
  dress(mat());
  localTimesIn(document);
  copyOnClick(document);
  document.querySelector("[data-share]")?.addEventListener("click", share);
  document.querySelector(".link-form")?.addEventListener("submit", link);
  findIn(document.querySelector(".says"));
  keys({
    z: () => mat().querySelector(".open"),
    ArrowLeft: () => document.querySelector(".side.newer"),
    ArrowRight: () => document.querySelector(".side.older"),
    Escape: () => document.querySelector("[data-up]"),
  });
}
