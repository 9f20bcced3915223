// Puts vignettes in their place as soon as they are made. Without this script they are there at the next visit.

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 8000;
const LOOKS = 30; // over three minutes; whoever waits longer reloads the page

/** Show the mean colour of a picture in its place until it is there. (A style attribute is what the page's policy forbids.) */
function colour(picture) {
  if (picture.complete) return;
  picture.style.backgroundColor = picture.dataset.colour;
  picture.addEventListener("load", () => picture.style.removeProperty("background-color"), { once: true });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask after the vignette once more; tells whether that is settled. */
async function look(mat) {
  const made = mat.querySelector("template").content.firstElementChild; // <img>, or a <picture> around it
  const url = (made.closest("img") ?? made.querySelector("img")).getAttribute("src");
  const { status } = await fetch(url, { method: "HEAD" });
  if (status === 200) {
    const fresh = document.importNode(made, true);
    await (fresh.closest("img") ?? fresh.querySelector("img")).decode().catch(() => {}); // there is no moment without a picture
    mat.replaceChildren(fresh);
    mat.className = "mat tile ready";
  } else if (status === 422) {
    const state = mat.querySelector(".state");
    state.textContent = state.dataset.failed;
    mat.querySelector("img").src = state.dataset.cross;
    mat.className = "mat tile failed";
  }
  return status === 200 || status >= 400;
}

async function watch(mats) {
  for (let looks = 0, ms = FIRST_PAUSE_MS; mats.length && looks < LOOKS; looks += 1) {
    await pause(ms);
    const settled = await Promise.all(mats.map(look));
    mats = mats.filter((_, index) => !settled[index]);
    ms = Math.min(ms * 1.5, LONGEST_PAUSE_MS);
  }
}

document.querySelectorAll("img[data-colour]").forEach(colour);
watch([...document.querySelectorAll(".mat:has(> template)")]);
