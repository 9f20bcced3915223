// The ways in which pictures come: dropped or pasted anywhere on the page, or chosen.

import { filesOf } from "./reading.js";
import { say } from "./words.js";

const GONE_AFTER_MS = 1000; // a browser says every half a second at least that something is above the page

/** Call *take* with a promise of `filesOf` for what is dropped; meanwhile *veil* says, and *note* adds, what will be. */
export function takeDropped(veil, note, take) {
  let isOurs = false; // a picture of this page is being dragged
  let timer;
  const hide = () => {
    clearTimeout(timer);
    veil.hidden = true;
  };
  addEventListener("dragstart", () => (isOurs = true));
  addEventListener("dragend", () => (isOurs = false));
  const carries = ({ dataTransfer }) => !isOurs && dataTransfer?.types.includes("Files");
  const welcome = (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    clearTimeout(timer);
    timer = setTimeout(hide, GONE_AFTER_MS);
    if (!veil.hidden) return;
    veil.replaceChildren(...[invitation(event.dataTransfer), note()].filter(Boolean).map(paragraph));
    veil.hidden = false;
  };
  // Upon another element a browser may ask only the first of them.
  for (const kind of ["dragenter", "dragover"]) addEventListener(kind, welcome);
  addEventListener("dragleave", (event) => event.relatedTarget || hide());
  addEventListener("drop", (event) => {
    hide();
    if (!carries(event)) return;
    event.preventDefault();
    take(filesOf(event.dataTransfer));
  });
}

/** Folders and what the system does not know have no type before they are let go. */
function invitation(transfer) {
  const files = [...transfer.items].filter(({ kind }) => kind === "file");
  const arePictures = files.length > 0 && files.every(({ type }) => type.startsWith("image/"));
  return arePictures ? say("drop", { num: files.length }) : say("drop_some");
}

function paragraph(words) {
  const element = document.createElement("p");
  element.textContent = words;
  return element;
}

/** Call *take* with the files that are pasted. A field takes its own texts: spreadsheets put a picture beside them. */
export function takePasted(take) {
  addEventListener("paste", (event) => {
    const { files, types } = event.clipboardData;
    const isForField = types.includes("text/plain") && event.target.closest?.("input, textarea, [contenteditable]");
    if (!files.length || isForField) return;
    event.preventDefault();
    take([...files]);
  });
}

/** Call *take* with the files chosen in *input*, which is empty again afterwards: so the same file can be chosen twice. */
export function takeChosen(input, take) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) take(files);
  });
}
