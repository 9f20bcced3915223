// Keys of one letter, which the reader can turn off (WCAG 2.2, 2.1.4), and the dialog that tells them.

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

/** Close the innermost thing that is open, and return whether there was one. */
function closeOpen() {
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return false;
  menu.open = false;
  menu.querySelector("summary").focus();
  return true;
}

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
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const isInMenu = event.target.closest?.("details.menu[open]");
    if (takesText(event.target) && !(event.key === "Escape" && isInMenu)) return;
    if (dialog.open || document.querySelector(".pswp")) return;
    if (event.key === "Escape" && closeOpen()) return event.preventDefault();
    if (off) return undefined;
    if (event.key === "?") dialog.showModal();
    const target = targets[event.key.length === 1 ? event.key.toLowerCase() : event.key]?.();
    if (!target) return undefined;
    event.preventDefault();
    return target.click();
  });
  document.addEventListener("click", (event) => {
    const menu = document.querySelector("details.menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
}
