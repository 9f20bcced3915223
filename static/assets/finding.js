// Finds entries among all that a file says of itself. Without this script the browser's own search does.

const plain = (text) => text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase();

/** Show the field in *details*, and only the entries that have its words. */
export function findIn(details) {
  const line = details?.querySelector(".find");
  if (!line) return;
  const field = line.querySelector("input");
  const told = line.querySelector("[role=status]");
  const groups = [...details.querySelectorAll(".group")].map((group) => ({
    group,
    entries: [...group.querySelectorAll(".entries > div")].map((entry) => ({ entry, text: plain(entry.textContent) })),
  }));
  line.hidden = false;
  field.addEventListener("input", () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { group, entries } of groups) {
      const shown = entries.filter(({ entry, text }) => {
        entry.hidden = !words.every((word) => text.includes(word));
        return !entry.hidden;
      }).length;
      group.hidden = !shown;
      found += shown;
    }
    told.textContent = found ? "" : told.dataset.none;
  });
}
