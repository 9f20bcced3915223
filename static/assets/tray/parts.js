// What the page has of the tray.

export const tray = document.getElementById("tray");
export const part = (name) => tray.querySelector(`[data-part=${name}]`);
export const ownForm = part("form");
export const pageForm = document.querySelector("form.upload");
export const form = pageForm ?? ownForm; // a guest's page has its own address, limits and formats
export const adders = [...document.querySelectorAll("a.button.add")];
export const visibility = ownForm.elements.visibility;
/** Whether there is something to choose beside the files. */
export const asks = Boolean(visibility) || matchMedia("(pointer: coarse)").matches;
