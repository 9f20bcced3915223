// What becomes of the files that were kept: one request tells of all of them, at most once a second.

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5000;
const MOST_ASKED = 50;

const STATES = { ready: "ready", failed: "failed" };

/** Ask at *url* (`?ids=`) for what is followed, and call *settled* with an item, its state and the image as it is now. */
export class Following {
  #items = new Map();
  #url;
  #settled;
  #timer;
  #pause = FIRST_PAUSE_MS;

  constructor(url, settled) {
    this.#url = url;
    this.#settled = settled;
    document.addEventListener("visibilitychange", () => document.hidden || this.#soon());
  }

  follow(item) {
    this.#items.set(item.ref, item);
    this.#soon();
  }

  forget(item) {
    this.#items.delete(item.ref);
  }

  #soon() {
    this.#pause = FIRST_PAUSE_MS;
    if (this.#items.size && !this.#timer) this.#timer = setTimeout(() => this.#look(), this.#pause);
  }

  async #look() {
    if (!document.hidden) await this.#ask([...this.#items.keys()].slice(0, MOST_ASKED));
    this.#timer = undefined;
    if (!this.#items.size || document.hidden) return;
    this.#timer = setTimeout(() => this.#look(), this.#pause);
    this.#pause = Math.min(this.#pause * 1.25, LONGEST_PAUSE_MS);
  }

  async #ask(refs) {
    const url = new URL(this.#url, location);
    url.searchParams.set("ids", refs.join());
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (answer.ok) this.#take(refs, (await answer.json()).images);
    } catch {
      // No connection: the next look may have one.
    }
  }

  #take(refs, images) {
    const found = new Map(images.map((image) => [image.links.self.split("/").pop(), image]));
    for (const ref of refs) {
      const image = found.get(ref);
      const state = image ? STATES[image.state] : "gone";
      const item = this.#items.get(ref);
      if (!state || !item) continue;
      this.#items.delete(ref);
      this.#pause = FIRST_PAUSE_MS;
      this.#settled(item, state, image);
    }
  }
}
