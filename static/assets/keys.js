// Keys of one letter, which the reader can turn off (WCAG 2.2, 2.1.4), and the dialog that tells them.

import "./menus.js"; // first: what closes a menu does nothing else

const OFF = "vignette.keys-off";

const remembered = () => {
  try {
    return localStorage.getItem(OFF) === "1";
  } catch {
    return false; // the browser keeps nothing
  }
};

function remember(off) {
  try {
    if (off) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
  } catch {
    // For this page it holds all the same.
  }
}

const takesText = (element) =>
  element.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

/** Have each key of *targets* click what its function returns. "?" opens the help. */
export function keys(targets) {
  const dialog = document.querySelector("dialog.keys");
  const switched = dialog.querySelector("#keys-on");
  let off = remembered();
  switched.checked = !off;
  switched.addEventListener("change", () => {
    off = !switched.checked;
    remember(off);
  });
  const opener = document.querySelector("[data-help]");
  opener.hidden = false;
  opener.addEventListener("click", () => dialog.showModal());

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return;
    if (dialog.open || document.querySelector(".pswp")) return;
    if (off) return undefined;
    if (event.key === "?") dialog.showModal();
    const target = targets[event.key.length === 1 ? event.key.toLowerCase() : event.key]?.();
    if (!target) return undefined;
    event.preventDefault();
    return target.click();
  });
}
