// The tray as it is seen: a row for each file, what they come to, and what can be done about all of them.

import { follow } from "../following.js";
import { adders, form, ownForm, part, tray, visibility } from "./parts.js";
import { copy } from "./copying.js";
import { Here } from "./here.js";
import { KEPT, Queue } from "./queue.js";
import { MOST_FILES } from "./reading.js";
import { Row } from "./row.js";
import { Telling } from "./telling.js";
import { filesize, say } from "./words.js";

const ROWS_AT_ONCE = 40; // more of them would take the page too long
const MOST_SHOWN = 100; // what the service takes in a request
const SPEED_KNOWN_AFTER_MS = 2000;

const choosing = part("choose");
const media = new Set(form.elements.file.accept.split(",").filter((accepted) => accepted.includes("/")));
const limits = { maxBytes: Number(form.dataset.maxBytes), maxPixels: Number(form.dataset.maxPixels) || Infinity, media };
const formats = [...media].map((type) => say(type)).join(", ");

const telling = new Telling(document.getElementById("tray-told"));
const queue = new Queue(limits, (item) => {
  if (item.state === "making" && !tray.dataset.look) item.state = "kept";
  if (item.state === "making" && !item.isFollowed) {
    item.isFollowed = true;
    follow(item.ref, (image) => update(item, image));
  }
  changed(item);
}, tray.dataset.look && new Here(tray.dataset.look));

const rows = new Map();
let dirty = new Set();
let frame;
let began = { at: 0, sent: 0 };
let note = "";
let done; // the note that tells of no trouble

/** Note what has become of *item*; return whether nothing more will. */
function update(item, image) {
  const state = image ? image.state : "gone";
  if (["pending", "processing"].includes(state)) return !queue.items.includes(item);
  Object.assign(item, { state, image: image ?? item.image });
  changed(item);
  return true;
}

// What comes in

/** Where files go: to what the reader has pressed, else to where the form does, seen by whom the tray says. */
function target(action) {
  const url = new URL(action ?? form.action, location);
  url.searchParams.delete("key"); // that of a form without scripts; here each file has its own
  if (visibility && !action) url.searchParams.set("visibility", visibility.value);
  return { url: url.href, field: "file" };
}

/** Add *files*, to be sent to where *action* says; *isCut* tells that there were more. */
export function take(files, { action, isCut: wasCut = false } = {}) {
  if (!queue.unsettled.length) began = { at: performance.now(), sent: sentBytes() };
  const { items, known, isCut } = queue.add(files, target(action));
  if (isCut || wasCut) note = say("most", { num: MOST_FILES });
  else if (known) note = say("known", { num: known });
  else note = files.length ? "" : say("nothing");
  open();
  addRows(items);
  render();
}

function addRows(items) {
  const list = part("rows");
  for (const item of items.splice(0, ROWS_AT_ONCE)) {
    const row = new Row(item, part("row"), formats, act);
    rows.set(item, row);
    list.append(row.element);
  }
  if (items.length) requestAnimationFrame(() => addRows(items));
}

const ACTS = {
  cancel: (item) => queue.cancel(item),
  again: (item) => queue.again(item),
  anyway: (item) => queue.again(item),
  leave: removeItem,
  remove: removeItem,
  copied: () => telling.tell(say("copied", { num: 1 })),
};
const act = (name, item) => ACTS[name](item);

function removeItem(item) {
  const { element } = rows.get(item);
  const beside = element.nextElementSibling ?? element.previousElementSibling;
  queue.remove(item);
  rows.delete(item);
  element.remove();
  const next = [...rows.values()].find((row) => row.element === beside);
  if (next) next.focus();
  else choosing.focus();
  render();
}

// What is seen

function changed(item) {
  dirty.add(item);
  frame ??= document.hidden ? setTimeout(render, 500) : requestAnimationFrame(render);
}

function render() {
  frame = undefined;
  const [now, items] = [dirty, queue.items];
  dirty = new Set();
  for (const item of now) rows.get(item)?.render();
  const { unsettled } = queue;
  const kept = items.filter(({ state }) => KEPT.has(state));
  const refused = items.filter(({ state }) => state === "refused");
  const here = items.filter(({ state }) => state === "here");
  tray.dataset.state = unsettled.length ? "sending" : refused.length ? "refused" : "idle";
  part("title").textContent = titleOf(unsettled, kept);
  part("sum").textContent = sumOf(unsettled, here, refused);
  part("note").textContent = note;
  part("note").classList.toggle("done", note === done);
  renderOutcome(unsettled);
  const progress = [say("told", { kept: kept.length, num: items.length })];
  progress.push(...asides(here, refused));
  if (items.length) telling.tell([...progress, note].filter(Boolean).join(" · "));
  showNext(unsettled[0]);
}

function titleOf(unsettled, kept) {
  if (unsettled.length) return say("title_sending", { num: unsettled.length });
  return kept.length ? say("title_kept", { num: kept.length }) : say("title");
}

function asides(here, refused) {
  const parts = [];
  if (here.length) parts.push(say("here_of", { num: here.length }));
  if (refused.length) parts.push(say("refused_of", { num: refused.length }));
  return parts;
}

function sumOf(unsettled, here, refused) {
  const parts = [];
  const [sent, total] = [sentBytes(), queue.items.filter(counts).reduce((sum, { file }) => sum + file.size, 0)];
  if (unsettled.length) {
    const isHalted = unsettled.some(({ againAt }) => againAt > Date.now());
    parts.push(say("sum", { sent: filesize(sent), total: filesize(total) }), isHalted ? "" : left(sent, total));
  } else if (total) {
    parts.push(filesize(total));
  }
  return [...parts, ...asides(here, refused)].filter(Boolean).join(" · ");
}

const counts = ({ state }) => !["refused", "cancelled", "gone", "here"].includes(state);
const sentBytes = () => queue.items.filter(counts).reduce((sum, { sent }) => sum + sent, 0);

/** How long the rest takes at the pace since the first of these files, or since the last one that had to begin again. */
function left(sent, total) {
  if (sent < began.sent) began = { at: performance.now(), sent };
  const ms = performance.now() - began.at;
  if (ms < SPEED_KNOWN_AFTER_MS || sent <= began.sent) return "";
  const seconds = ((total - sent) / (sent - began.sent)) * (ms / 1000);
  return seconds < 90 ? say("left_s", { number: Math.ceil(seconds) }) : say("left_min", { number: Math.ceil(seconds / 60) });
}

/** The links to what the service has of the files, those that were there before among them, each once. */
function linksOf(items) {
  const urls = items.map(({ state, url, first }) => (KEPT.has(state) ? url : state === "here" && first.links.self));
  return [...new Set(urls.filter(Boolean))];
}

function renderOutcome(unsettled) {
  const links = linksOf(queue.items).slice(-MOST_SHOWN);
  const [show, none] = [part("show"), !links.length];
  part("copy").hidden = none;
  show.hidden = none || !tray.dataset.look;
  part("clear").hidden = unsettled.length > 0;
  part("outcome").hidden = !queue.items.length;
  const url = new URL(tray.dataset.look ?? "", location);
  url.searchParams.set("ids", links.map((link) => link.split("/").pop()).join());
  show.href = url;
  show.textContent = say("show", { num: links.length });
}

/** Keep what is being sent in view, unless the reader is about something in the list. */
function showNext(item) {
  const list = part("rows");
  const element = rows.get(item)?.element;
  if (!element || list.matches(":hover, :focus-within")) return;
  list.scrollTop = element.offsetTop - list.offsetTop;
}

// The tray itself

const isNarrow = matchMedia("(max-width: 40rem)");

function open() {
  if (!tray.hidden) return;
  tray.hidden = false;
  fold(isNarrow.matches);
}

function fold(isFolded) {
  part("body").hidden = isFolded;
  part("fold").setAttribute("aria-expanded", String(!isFolded));
}

/** Close the tray; the wall behind it shows what has come. */
function clear() {
  const hasMore = queue.items.some(({ state }) => KEPT.has(state));
  if (hasMore && document.querySelector("[data-newest]")) location.reload();
  queue.items.length = 0;
  rows.clear();
  part("rows").replaceChildren();
  part("links").hidden = true;
  note = "";
  tray.hidden = true;
  (adders[0] ?? document.getElementById("content")).focus();
}

/** Show what can be chosen beside the files. */
export function ask() {
  open();
  fold(false);
  render();
  choosing.focus();
}

/** Get the tray out of the way: it closes if nothing is in it. */
function putAway() {
  if (!queue.items.length) return clear();
  fold(true);
  return part("fold").focus();
}

part("fold").addEventListener("click", () => (part("body").hidden ? fold(false) : putAway()));
tray.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault(); // the page has keys of its own
  putAway();
});
part("clear").addEventListener("click", clear);
part("copy").addEventListener("click", async () => {
  const urls = linksOf(queue.items);
  if (await copy(urls.join("\n"), part("links"))) note = done = say("copied", { num: urls.length });
  render();
});
choosing.addEventListener("click", () => ownForm.elements.file.click());
part("photograph").addEventListener("click", () => ownForm.elements.camera.click());
addEventListener("beforeunload", (event) => {
  const { length } = queue.unsettled;
  if (length) event.returnValue = say("leave", { num: length });
});

setInterval(() => {
  for (const item of queue.items) if (["lost", "busy"].includes(item.state)) changed(item);
}, 1000);
