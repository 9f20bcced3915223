// Selecting several pictures: by mouse (a box, then Shift for a range), by keys (x on a picture, Ctrl+A, Escape), by touch (the
// switch above the wall). Deleting waits some seconds, in which it can be undone; who leaves the page does not undo it.

const UNDO_MS = 7000;
const TOLD_MS = 5000;

/** Take *tiles* off the wall: the heading counts so many less. */
export function takeOff(...tiles) {
  tiles.forEach((tile) => tile.remove());
  const count = document.querySelector("h1 [data-count]");
  if (!count) return;
  count.dataset.count -= tiles.length;
  count.textContent = Number(count.dataset.count).toLocaleString(document.documentElement.lang);
}

/** Let the reader select tiles of *walls*, and do with them what *form* offers. */
export function select(walls, form) {
  const selecting = document.getElementById("selecting");
  const boxes = () => [...walls.querySelectorAll(".wall li:not(.leaving) .check input")];
  const chosen = () => boxes().filter((box) => box.checked);
  const most = Number(form.dataset.most); // that one request takes
  const told = document.createElement("div");
  told.className = "told";
  told.setAttribute("role", "status");
  form.after(told);
  let last = null; // the box from which Shift counts
  let silence = null;

  const say = (words, button) => {
    clearTimeout(silence);
    told.replaceChildren(words, ...(button ? [button] : []));
    silence = setTimeout(() => told.replaceChildren(), button ? UNDO_MS : TOLD_MS);
  };

  const count = () => {
    const number = chosen().length;
    form.querySelector(".count").textContent = number ? form.dataset.count.replace("{number}", number) : "";
    const hasOthers = chosen().some((box) => box.closest("[data-others]"));
    form.querySelectorAll("[data-act]").forEach((button) => (button.disabled = hasOthers));
    const why = form.querySelector(".why");
    if (why) why.textContent = hasOthers ? why.dataset.others : "";
  };

  const set = (some, checked) => {
    some.forEach((box) => (box.checked = checked));
    count();
  };

  const clear = () => {
    set(boxes(), false);
    if (selecting) selecting.checked = false;
    last = null;
  };

  const refs = (tiles) => tiles.map((tile) => tile.dataset.ref).join(",");
  const tilesOf = (some) => some.map((box) => box.closest("li"));

  walls.addEventListener("click", (event) => {
    const box = event.target.closest(".check input");
    if (!box) return;
    if (event.shiftKey && last && last !== box) {
      const all = boxes();
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
      set(all.slice(from, to + 1), box.checked);
    }
    last = box;
    count();
  });

  // A label with Shift marks text in some browsers.
  walls.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest(".check")) event.preventDefault();
  });

  addEventListener("keydown", (event) => {
    if (event.target.matches("input:not([type=checkbox]), textarea, select") || event.altKey) return;
    const tile = event.target.closest(".wall li");
    if (event.key === "Escape" && (chosen().length || selecting?.checked)) {
      clear();
      if (!event.target.checkVisibility()) focusOn(tile); // its box is gone
    } else if (event.key === "x" && tile && !event.ctrlKey && !event.metaKey) {
      const box = tile.querySelector(".check input");
      set([box], !box.checked);
      last = box;
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey) && (chosen().length || selecting?.checked)) {
      event.preventDefault();
      set(boxes(), true);
    }
  });

  // An archive is one request: several would be several downloads, of which browsers warn.
  form.addEventListener("submit", (event) => {
    if (chosen().length <= most) return;
    event.preventDefault();
    say(form.dataset.tooMany);
  });

  form.addEventListener("reset", (event) => {
    event.preventDefault();
    clear();
    selecting?.focus();
  });

  // All lots go at once: a page that is being left waits for none.
  const lots = (tiles) => (tiles.length ? [tiles.slice(0, most), ...lots(tiles.slice(most))] : []);

  /** Send what is to be done with *tiles*, in lots; return those that it was not done to. */
  const send = async (url, tiles, options) =>
    (await Promise.all(lots(tiles).map((lot) => sendLot(url, lot, options)))).flat();

  const sendLot = async (url, tiles, options = {}) => {
    const address = new URL(url, location);
    address.searchParams.set("ids", refs(tiles));
    try {
      const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json" }, ...options });
      if (!answer.ok) return tiles;
      const done = new Set((await answer.json()).done.map(String));
      return tiles.filter((tile) => !done.has(tile.dataset.ref));
    } catch {
      return tiles;
    }
  };

  const sayFailed = (tiles) => say(form.dataset.failed.replace("{number}", tiles.length));

  let leaving = null; // what is deleted once its time is over: { tiles, timer }

  /** Give the focus to the picture of *tile*, or to the switch above the wall. */
  const focusOn = (tile) => (tile?.querySelector("a") ?? selecting)?.focus({ preventScroll: true });

  /** The tile after *tiles* that stays, or else the one before them. */
  const beside = (tiles) => {
    const all = [...walls.querySelectorAll(".wall li")];
    const stays = all.filter((tile) => !tile.classList.contains("leaving"));
    return stays.find((tile) => all.indexOf(tile) > all.indexOf(tiles[0])) ?? stays.at(-1);
  };

  const bringBack = (tiles) => tiles.forEach((tile) => tile.classList.remove("leaving"));

  const finish = async (options) => {
    if (!leaving) return;
    const { tiles, timer } = leaving;
    clearTimeout(timer);
    leaving = null;
    if (told.contains(document.activeElement)) focusOn(beside(tiles)); // "Undo" goes
    const kept = await send(form.dataset.delete, tiles, options);
    takeOff(...tiles.filter((tile) => !kept.includes(tile)));
    bringBack(kept);
    if (kept.length) sayFailed(kept);
  };

  const remove = (tiles) => {
    finish();
    tiles.forEach((tile) => tile.classList.add("leaving"));
    leaving = { tiles, timer: setTimeout(finish, UNDO_MS) };
    const undo = document.createElement("button");
    undo.className = "as-link";
    undo.textContent = form.dataset.undo;
    undo.addEventListener("click", () => {
      clearTimeout(leaving?.timer);
      leaving = null;
      bringBack(tiles);
      say(form.dataset.undone);
      tiles[0].querySelector("a").focus();
    });
    const { deleted, severalDeleted } = form.dataset;
    say(tiles.length > 1 ? severalDeleted.replace("{number}", tiles.length) : deleted, undo);
    undo.focus();
  };

  const show = async (tiles, visibility) => {
    const address = new URL(form.dataset.visibility, location);
    address.searchParams.set("visibility", visibility);
    const kept = await send(address, tiles);
    tiles.filter((tile) => !kept.includes(tile)).forEach((tile) => {
      tile.querySelector(".private")?.remove();
      if (visibility !== "private") return;
      const badge = document.createElement("span");
      badge.className = "private";
      badge.textContent = form.dataset.badge;
      tile.querySelector(".caption").before(badge);
    });
    if (kept.length) sayFailed(kept);
    else say(form.dataset[visibility]);
  };

  form.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (!act) return;
    const tiles = tilesOf(chosen());
    clear();
    if (act === "delete") return remove(tiles);
    focusOn(tiles[0]);
    show(tiles, act);
  });

  form.querySelectorAll("[data-act]").forEach((button) => (button.hidden = false));
  addEventListener("pagehide", () => finish({ keepalive: true }));
  addEventListener("pageshow", count);
}
