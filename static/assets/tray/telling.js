// What a screen reader is told, in one polite live region: not more often than every three seconds, and then the newest.

const AT_MOST_EVERY_MS = 3000;

export class Telling {
  #region;
  #words = "";
  #timer;

  constructor(region) {
    this.#region = region;
  }

  tell(words) {
    this.#words = words;
    if (!this.#timer) this.#say();
  }

  #say() {
    this.#timer = undefined;
    if (this.#region.textContent === this.#words) return;
    this.#region.textContent = this.#words;
    this.#timer = setTimeout(() => this.#say(), AT_MOST_EVERY_MS);
  }
}
