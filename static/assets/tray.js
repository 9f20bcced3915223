// The tray: pictures are dropped, pasted or chosen on any page, and are sent while the reader looks on. Without this script
// the form works as forms do. What shows and sends them is loaded when the first of them comes.

import { takeChosen, takeDropped, takePasted } from "./tray/arriving.js";
import { adders, asks, ownForm, pageForm, tray, visibility } from "./tray/parts.js";
import { say } from "./tray/words.js";

const AGAIN_S = 4;

const veil = document.getElementById("tray-veil");
let panel;

function load() {
  panel ??= import("./tray/panel.js").catch((error) => {
    panel = undefined;
    throw error;
  });
  return panel;
}

/** Hand *files* to the panel; without a connection there is none yet, and what was dropped must not be lost. */
async function take(files, options) {
  for (;;) {
    try {
      const { take: add } = await load();
      veil.hidden = true;
      return add(files, options);
    } catch {
      veil.textContent = say("lost", { seconds: String(AGAIN_S) });
      veil.hidden = false;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_S * 1000));
    }
  }
}

const later = () => load().catch(() => {});

tray.toggleAttribute("data-asks", asks);
for (const adder of adders) {
  for (const kind of ["pointerenter", "focus"]) adder.addEventListener(kind, later);
  adder.addEventListener("click", async (event) => {
    event.preventDefault();
    if (!asks) return ownForm.elements.file.click();
    try {
      (await load()).ask();
    } catch {
      location.assign(adder.href);
    }
  });
}
addEventListener("dragenter", later, { once: true });
takeDropped(veil, () => visibility && say(`for_${visibility.value}`), async (carried) => {
  const { files, isCut } = await carried;
  take(files, { isCut });
});
takePasted(take);
for (const name of ["file", "camera"]) takeChosen(ownForm.elements[name], take);

if (pageForm) {
  const { file } = pageForm.elements;
  pageForm.addEventListener("submit", (event) => {
    if (!file.files.length) return;
    event.preventDefault();
    take([...file.files], { action: event.submitter?.getAttribute("formaction") || pageForm.action });
    pageForm.reset();
  });
  // With one way to send there is nothing to press after files were chosen.
  const buttons = pageForm.querySelectorAll("button:not([type=button])");
  if (buttons.length === 1) file.addEventListener("change", () => file.files.length && pageForm.requestSubmit());
}
