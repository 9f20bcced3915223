// Which files the service has already, by the SHA-256 of their bytes: one request asks for many.

const MOST_BYTES = 50 * 1024 ** 2; // while it is hashed, a file is in memory as a whole
const MOST_AT_ONCE = 100; // what the service takes in a request
const GATHERED_FOR_MS = 50;
const AT_MOST_EVERY_MS = 500;
const PATIENCE_MS = 5000; // a file is sent all the same if nothing is known of it by then

let last = Promise.resolve();

/** The SHA-256 of *file* in hexadecimal digits; nothing if it is large, or over plain http, where browsers have no hash. */
export function digestOf(file) {
  if (!crypto.subtle || file.size > MOST_BYTES) return undefined;
  last = last.then(() => hash(file)).catch(() => undefined); // one after the other
  return last;
}

async function hash(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Here {
  #url;
  #waiting = new Map(); // by digest: whom to tell
  #timer;
  #askedAt = -Infinity;

  /** *url* is that of the list of all images. */
  constructor(url) {
    this.#url = url;
  }

  /** Resolves to the first image with these bytes that the reader sees; to nothing if there is none, or nobody knows. */
  first(digest) {
    return new Promise((resolve) => {
      this.#waiting.set(digest, [...(this.#waiting.get(digest) ?? []), resolve]);
      this.#plan();
    });
  }

  #plan() {
    const ms = Math.max(GATHERED_FOR_MS, this.#askedAt + AT_MOST_EVERY_MS - performance.now());
    if (this.#waiting.size) this.#timer ??= setTimeout(() => this.#ask(), ms);
  }

  async #ask() {
    this.#timer = undefined;
    this.#askedAt = performance.now();
    const asked = [...this.#waiting].slice(0, MOST_AT_ONCE);
    for (const [digest] of asked) this.#waiting.delete(digest);
    this.#plan();
    const found = await this.#look(asked.map(([digest]) => digest)).catch(() => new Map());
    for (const [digest, tellers] of asked) for (const tell of tellers) tell(found.get(digest));
  }

  async #look(digests) {
    const options = { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) };
    const answer = await fetch(`${this.#url}?sha256=${digests.join()}`, options);
    if (!answer.ok) throw new Error(answer.statusText);
    const { images } = await answer.json();
    return new Map(images.map((image) => [image.sha256, image]));
  }
}
