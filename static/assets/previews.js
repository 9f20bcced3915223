// Shows how a picture looks until it is loaded: its ThumbHash, painted once its place comes near the window, a few at a time.

import { decode } from "./thumbhash.js";

const HASH_EDGE_PX = 24; // the size from which the hash was made; the browser enlarges it, and smooths it
const NEAR = "50% 0px"; // half a window above and below
const BUDGET_MS = 8; // of a frame; to paint one takes a millisecond on an old phone

/** Paint the ThumbHash behind *picture*, in its size, until it is loaded; its mean colour if the browser cannot paint. */
function paint(picture) {
  if (picture.complete && picture.naturalWidth) return;
  const [width, height] = ["width", "height"].map((side) => Number(picture.getAttribute(side)));
  const scale = HASH_EDGE_PX / Math.max(width, height);
  const canvas = document.createElement("canvas");
  canvas.className = picture.className;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  // Set one property after another: the page's Content-Security-Policy forbids a style attribute.
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

const seen = [];

function paintSome() {
  const end = performance.now() + BUDGET_MS;
  while (seen.length && performance.now() < end) paint(seen.shift());
  if (seen.length) requestAnimationFrame(paintSome);
}

const observer = new IntersectionObserver(
  (entries) => {
    const near = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    near.forEach((picture) => observer.unobserve(picture));
    const isIdle = !seen.length;
    seen.push(...near);
    if (isIdle && seen.length) paintSome();
  },
  { rootMargin: NEAR },
);

/** Paint what stands in *element* and has a ThumbHash, once it is seen. */
export function previewIn(element) {
  element.querySelectorAll("img[data-thumbhash]").forEach((picture) => observer.observe(picture));
}
