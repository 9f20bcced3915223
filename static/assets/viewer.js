// The viewer: the picture on the whole window, enlarged by wheel and fingers, and its neighbours. It is PhotoSwipe, which is
// loaded with this module at the first click.

import PhotoSwipe from "./vendor/photoswipe/photoswipe.esm.min.js";

// Browsers decode these; of others, what was written anew is shown.
const SHOWN = new Set(["jpeg", "png", "apng", "gif", "webp", "avif", "bmp"].map((kind) => `image/${kind}`));
const MOST_SHOWN_PIXELS = 40_000_000; // a browser holds four bytes for each
const ZOOM_EDGE_PX = 2560;
const ZOOM_PATIENCE_S = 15;
const EACH_SIDE = 30;

const STYLE = new URL("./vendor/photoswipe/photoswipe.css", import.meta.url).href;

/** The URL of *link*, which names the service as others reach it, on the host that this page came from. */
const here = (link) => {
  const url = new URL(link);
  return url.origin === location.origin ? url.href : url.pathname + url.search;
};

/** What PhotoSwipe shows of *image*, as the API describes it; *whole* names the sizes that cut nothing off, the smallest first. */
function slideOf(image, { ids, whole }) {
  const page = new URL(here(image.links.self), location.href);
  if (ids) page.searchParams.set("ids", ids);
  const title = image.name || page.pathname.split("/").pop();
  const slide = { page: page.href, ref: page.pathname.split("/").pop(), alt: title, state: image.state };
  const sizes = whole.filter((name) => image.links.vignettes[name]).map((name) => here(image.links.vignettes[name]));
  if (image.state !== "ready" || !sizes.length) return { ...slide, type: "nothing" };
  const vignette = sizes.at(-1);
  const isShown = SHOWN.has(image.media_type) && image.width * image.height <= MOST_SHOWN_PIXELS;
  const scale = isShown ? 1 : Math.min(1, ZOOM_EDGE_PX / Math.max(image.width, image.height));
  return {
    ...slide,
    src: vignette,
    msrc: sizes[0],
    width: Math.round(image.width * scale),
    height: Math.round(image.height * scale),
    larger: isShown ? here(image.links.original) : here(image.links.zoom),
    isMade: isShown,
    clear: image.media_type !== "image/jpeg",
  };
}

async function styled() {
  if (document.querySelector(`link[href="${STYLE}"]`)) return;
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: STYLE });
  await new Promise((resolve) => {
    sheet.onload = resolve;
    sheet.onerror = resolve;
    document.head.append(sheet);
  });
}

async function neighbours(slide, list) {
  const url = new URL(slide.page);
  url.pathname += "/neighbours";
  url.searchParams.set("limit", EACH_SIDE);
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) return { newer: [], older: [] };
  const { newer, older } = await answer.json();
  return { newer: newer.map((image) => slideOf(image, list)), older: older.map((image) => slideOf(image, list)) };
}

/** Until *slide* may be enlarged: what is made when somebody asks for it is asked for, and waited for. */
async function made(slide) {
  if (slide.isMade) return true;
  const headers = { Prefer: `wait=${ZOOM_PATIENCE_S}`, Accept: "image/webp,image/jpeg,*/*" };
  const answer = await fetch(slide.larger, { headers }).catch(() => null);
  slide.isMade = answer?.status === 200;
  return slide.isMade;
}

/** Give the picture in sight all of its pixels. Until they are there, its vignette stands for them. */
async function enlarge({ content }) {
  const slide = content.data;
  if (!slide.larger || slide.isLarge || !(await made(slide))) return;
  const large = new Image();
  large.src = slide.larger;
  await large.decode().catch(() => {});
  if (!large.naturalWidth || !content.element) return;
  slide.isLarge = true;
  content.element.src = slide.larger;
}

function fullScreen(viewer, words) {
  if (!document.fullscreenEnabled) return;
  viewer.ui.registerElement({
    name: "full",
    ariaLabel: words.full,
    title: `${words.full} (F)`,
    order: 9,
    isButton: true,
    html: {
      isCustomSVG: true,
      inner: '<path d="M9 13V9h4M19 9h4v4M23 19v4h-4M13 23H9v-4"/>',
      size: 32,
      outlineID: "",
    },
    onClick: () => (document.fullscreenElement ? document.exitFullscreen() : viewer.element.requestFullscreen()),
  });
}

/**
 * Open the viewer on the picture of *link*. The page tells the words that the reader sees, the list that is gone through, and
 * the sizes.
 */
export async function view(link, { words: told, ids, sizes }) {
  const words = JSON.parse(told);
  const list = { ids, whole: JSON.parse(sizes) };
  const first = slideOf(JSON.parse(link.dataset.image), list);
  const thumb = link.querySelector("img");
  const [{ newer, older }] = await Promise.all([neighbours(first, list).catch(() => ({ newer: [], older: [] })), styled()]);
  const slides = [...newer.reverse(), { ...first, element: link, thumb }, ...older];
  const start = newer.length;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const viewer = new PhotoSwipe({
    dataSource: slides,
    index: start,
    loop: false,
    bgOpacity: 1,
    wheelToZoom: true,
    counter: false,
    returnFocus: true,
    showHideAnimationType: still ? "none" : "zoom",
    ...(still ? { zoomAnimationDuration: 0 } : {}),
    closeTitle: `${words.close} (Esc)`,
    zoomTitle: `${words.zoom} (Z)`,
    arrowPrevTitle: words.previous,
    arrowNextTitle: words.next,
    errorMsg: words.error,
    secondaryZoomLevel: ({ fit }) => Math.max(1, fit * 2),
    maxZoomLevel: ({ fit }) => Math.max(2, fit * 4),
  });
  viewer.addFilter("thumbEl", (found, slide) => slide.thumb ?? found);
  viewer.addFilter("placeholderSrc", (found, content) => content.data.msrc ?? found);
  viewer.on("contentLoad", (event) => {
    if (event.content.type !== "nothing") return;
    event.preventDefault();
    const element = Object.assign(document.createElement("p"), { className: "nothing", textContent: words.waiting });
    event.content.element = element;
    event.content.state = "loaded";
  });
  viewer.on("loadComplete", (event) => {
    if (event.content.data.clear) event.content.element?.classList.add("clear");
    if (event.slide?.isActive) enlarge(event);
  });
  viewer.on("contentActivate", enlarge);
  viewer.on("uiRegister", () => fullScreen(viewer, words));
  const name = () => viewer.element?.setAttribute("aria-label", `${words.viewer}: ${viewer.currSlide.data.alt}`);
  viewer.on("afterInit", name);
  viewer.on("keydown", ({ originalEvent }) => {
    if (originalEvent.key.toLowerCase() === "f" && !originalEvent.ctrlKey && !originalEvent.metaKey) {
      viewer.element.querySelector(".pswp__button--full")?.click();
    }
  });

  // Those that are older come as one goes on; who turns round finds again what was there.
  let end = older.length < EACH_SIDE;
  viewer.on("change", async () => {
    name();
    if (end || viewer.currIndex < slides.length - 5) return;
    end = true;
    const { older: more } = await neighbours(slides.at(-1), list).catch(() => ({ older: [] }));
    slides.push(...more);
    end = more.length < EACH_SIDE;
  });
  viewer.on("close", () => {
    if (document.fullscreenElement) document.exitFullscreen();
  });
  // Who has gone on to another picture is on its page.
  viewer.on("destroy", () => {
    const { page } = slides[viewer.currIndex];
    if (viewer.currIndex !== start) location.assign(page);
  });
  viewer.init();
}
