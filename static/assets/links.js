// Makes signed links without leaving the page, and hands them to other programs where there is such a way.

import { copyOnClick } from "./copying.js";
import { localTimesIn } from "./times.js";

/** Show the buttons in *root* that give the text of a field to the programs of the device. */
function sendOnClick(root) {
  for (const button of root.querySelectorAll("[data-send]")) {
    const shared = { url: document.getElementById(button.dataset.send).value };
    // Only https has it, and not each browser.
    button.hidden = !navigator.canShare?.(shared);
    button.addEventListener("click", () => navigator.share(shared).catch(() => {})); // the reader has thought better of it
  }
}

/** Have what is told of a new link in *root* copy and send it. */
export function dressLink(root) {
  copyOnClick(root);
  sendOnClick(root);
  localTimesIn(root);
}

/** Send *form*, and return the page that it leads to, of another address or not; null if that cannot be told here. */
async function answerTo(form) {
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "text/html" },
    });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null;
  }
}

/** Say beside the day of *form* what is wrong with it. */
function complain(form, alert) {
  const day = form.elements.date;
  form.querySelector("[role=alert]")?.remove();
  day.setAttribute("aria-invalid", "true");
  day.setAttribute("aria-describedby", alert.id);
  day.after(document.importNode(alert, true));
  day.focus();
}

/** Make the link that *form* asks for, and show it on this page. */
export async function makeLink(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  const page = await answerTo(form);
  button.disabled = false;
  const made = page?.querySelector("#new-link");
  const alert = page?.querySelector(".link-form [role=alert]");
  if (alert) return complain(form, alert);
  if (!made) return form.submit(); // whatever it is, a page of its own tells it
  form.querySelector("[role=alert]")?.remove();
  form.elements.date.removeAttribute("aria-invalid");
  const place = document.querySelector("[data-new-link]");
  place.replaceChildren(document.importNode(made, true));
  dressLink(place);
  return place.querySelector("input").focus();
}
