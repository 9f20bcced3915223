// Hands the clean copy to another program of the phone, where there is such a way; elsewhere the link downloads it.

const name = (answer) => /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "picture";

const canShare = () =>
  matchMedia("(pointer: coarse)").matches && navigator.canShare?.({ files: [new File(["x"], "x.jpg", { type: "image/jpeg" })] });

async function share(link, said) {
  if (said) said.textContent = said.dataset.making;
  const answer = await fetch(link.href, { headers: { Prefer: "wait=20" } });
  if (answer.status !== 200) return location.assign(link.href); // it tells why
  const content = await answer.blob();
  if (said) said.textContent = "";
  const file = new File([content], name(answer), { type: content.type });
  return navigator.share({ files: [file] }).catch((error) => {
    if (error.name !== "AbortError") location.assign(link.href);
  });
}

/** Have the link to the clean copy in *root* share it. */
export function shareOnClick(root) {
  const link = root.querySelector("[data-share]");
  if (!link || !canShare()) return;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    share(link, document.getElementById("said"));
  });
}
