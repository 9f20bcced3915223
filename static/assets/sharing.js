// Hands the clean copy to another program of the phone, where there is such a way; elsewhere it is downloaded.

import { made } from "./making.js";

const name = (answer) => /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "picture";

const canShare = () =>
  matchMedia("(pointer: coarse)").matches && navigator.canShare?.({ files: [new File(["x"], "x.jpg", { type: "image/jpeg" })] });

async function share(link) {
  const answer = await fetch(link.href);
  if (answer.status !== 200) return location.assign(link.href); // it tells why
  const content = await answer.blob();
  const file = new File([content], name(answer), { type: content.type });
  return navigator.share({ files: [file] }).catch((error) => {
    if (error.name !== "AbortError") location.assign(link.href);
  });
}

/** Say on *link* that its copy is being made; hand it over once it is, or say that it is not there yet. */
export async function handOver(link) {
  if (link.ariaBusy) return;
  const said = document.getElementById("said");
  link.dataset.words ??= link.textContent;
  const { words } = link.dataset;
  const say = (told) => {
    link.textContent = told;
    said.textContent = told === words ? "" : told;
  };
  link.ariaBusy = "true";
  say(said.dataset.making);
  const isMade = await made(link.href);
  link.ariaBusy = null;
  say(isMade ? words : said.dataset.late);
  if (!isMade) return;
  if (canShare()) share(link);
  else location.assign(link.href); // or it tells why there is none
}
