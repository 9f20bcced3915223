// The files of the tray, and which of them is sent when. It knows no page: `changed` is told of each file that changes.

import { digestOf } from "./here.js";
import { check } from "./sniffing.js";
import { MOST_FILES } from "./reading.js";
import { send } from "./sending.js";

const AT_ONCE = 3;
const CHECKED_AT_ONCE = 4;
const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 30;

/** States in which nothing more is sent. */
export const SETTLED = new Set(["making", "ready", "kept", "failed", "quarantined", "gone", "here", "refused", "cancelled"]);
/** States of files that the service has. */
export const KEPT = new Set(["making", "ready", "kept", "failed"]);

const ON_ITS_WAY = new Set(["sending", "lost", "busy", "checking"]);

/** crypto.randomUUID is not there over plain http. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What tells one file from another without reading it. */
const identity = (file) => [file.webkitRelativePath || file.name, file.size, file.lastModified].join("\n");

export class Queue {
  items = [];
  #limits;
  #changed;
  #here;
  #sending = 0;
  #checking = 0;
  #resumeAt = 0;
  #sleepers = new Set();

  /**
   * *limits* are those of `check`; *changed* is called with each item that changes. *here* is a `Here`; without one nobody
   * is asked which files are here already.
   */
  constructor(limits, changed, here) {
    this.#limits = limits;
    this.#changed = changed;
    this.#here = here;
    addEventListener("online", () => this.#sleepers.forEach((wake) => wake()));
  }

  /** Take *files*, to be sent to *target*: `{ url, field }`. Returns the new items; what is in the list already is not one. */
  add(files, target) {
    const known = new Set(this.items.filter(({ state }) => state !== "cancelled").map((item) => identity(item.file)));
    const fresh = files.filter((file) => !known.has(identity(file)) && known.add(identity(file)));
    const items = fresh
      .slice(0, MOST_FILES - this.items.length)
      .map((file) => ({ file, target, key: newKey(), state: "waiting", sent: 0, isChecked: false }));
    this.items.push(...items);
    this.#check();
    return { items, known: files.length - fresh.length, isCut: items.length < fresh.length };
  }

  cancel(item) {
    if (SETTLED.has(item.state) || item.state === "checking") return;
    this.#set(item, { state: "cancelled", sent: 0 });
    item.abort?.abort();
  }

  /**
   * Send *item* once more, or although it is here already. It keeps its key, so that it is not kept twice, unless the key
   * stands for other bytes.
   */
  again(item) {
    const key = item.problem?.code === "idempotency-key-reused" ? newKey() : item.key;
    this.#set(item, { state: "waiting", problem: undefined, key, isChecked: false, isWanted: true });
    this.#check();
  }

  remove(item) {
    this.items.splice(this.items.indexOf(item), 1);
  }

  get unsettled() {
    return this.items.filter(({ state }) => !SETTLED.has(state));
  }

  #set(item, values) {
    Object.assign(item, values);
    this.#changed(item);
  }

  #check() {
    while (this.#checking < CHECKED_AT_ONCE) {
      const item = this.items.find((one) => one.state === "waiting" && !one.isChecked && !one.isBeingChecked);
      if (!item) return;
      this.#checking += 1;
      item.isBeingChecked = true;
      check(item.file, this.#limits).then(({ media, pixels, problem }) => {
        this.#checking -= 1;
        const state = problem && item.state === "waiting" ? "refused" : item.state;
        this.#set(item, { media, pixels, problem: problem && { ...problem, isLocal: true }, state, isChecked: true, isBeingChecked: false });
        this.#check();
        this.#lookUp(item).then(() => this.#send());
      });
    }
  }

  /** Find out whether *item* is here already, while others are sent. */
  async #lookUp(item) {
    const isAsked = () => this.#here && item.state === "waiting" && !item.isWanted;
    if (isAsked()) item.digest ??= await digestOf(item.file);
    const first = isAsked() && item.digest && (await this.#here.first(item.digest));
    if (first && isAsked()) this.#set(item, { state: "here", first });
    item.isLookedUp = true;
  }

  /** Whether *item* has to wait for another one of the list with the same bytes; if that is kept, *item* is not sent. */
  #hasTwin(item) {
    if (!item.digest || item.isWanted) return false;
    const twin = this.items.find((one) => one.digest === item.digest && one !== item && (ON_ITS_WAY.has(one.state) || KEPT.has(one.state)));
    if (KEPT.has(twin?.state)) this.#set(item, { state: "here", first: twin.image });
    return Boolean(twin);
  }

  #send() {
    while (this.#sending < AT_ONCE) {
      const item = this.items.find((one) => one.state === "waiting" && one.isChecked && one.isLookedUp && !this.#hasTwin(one));
      if (!item) return;
      this.#sending += 1;
      item.abort = new AbortController();
      this.#set(item, { state: "sending", sent: 0 });
      this.#deliver(item, item.abort.signal).then(() => {
        this.#sending -= 1;
        this.#send();
      });
    }
  }

  /** Send *item* until it is kept, refused or cancelled. Whoever waits meanwhile keeps his place among those that are sent. */
  async #deliver(item, signal) {
    for (let losses = 0; ; ) {
      await this.#sleepUntil(item, "busy", this.#resumeAt, signal);
      if (signal.aborted) return;
      this.#set(item, { state: "sending", sent: 0 });
      const answer = await send({
        ...item.target,
        file: item.file,
        key: item.key,
        signal,
        moved: (sent) => !signal.aborted && this.#set(item, { sent }),
        sent: () => !signal.aborted && this.#set(item, { state: "checking", sent: item.file.size }),
      });
      if (answer.isCancelled || signal.aborted) return;
      if (answer.busy) {
        this.#resumeAt = Math.max(this.#resumeAt, Date.now() + answer.busy * 1000);
      } else if (answer.isLost) {
        // A file that was changed or taken away meanwhile ends the request as a lost connection does.
        const isThere = await isReadable(item.file);
        if (signal.aborted) return;
        if (!isThere) return this.#set(item, { state: "refused", problem: { code: "unreadable" } });
        await this.#sleepUntil(item, "lost", Date.now() + pauseMs(losses), signal);
        losses += 1;
      } else {
        return this.#settle(item, answer);
      }
    }
  }

  #settle(item, { image, problem, status }) {
    if (image?.state === "quarantined") return this.#set(item, { state: "quarantined", image, sent: item.file.size }); // nobody may follow it
    if (image) {
      const ref = image.links?.self.split("/").pop(); // a guest's has none, and is not followed
      this.#lookBack(item, image);
      return this.#set(item, { state: ref ? "making" : "kept", image, ref, url: image.links?.self ?? image.url, sent: item.file.size });
    }
    const code = problem?.type?.split("/").pop();
    return this.#set(item, { state: "refused", problem: { ...problem, code, status }, sent: 0 });
  }

  /** What could not be hashed before it was sent is looked up by the digest that the service tells: was it here already? */
  async #lookBack(item, image) {
    const first = !item.digest && image.sha256 && (await this.#here?.first(image.sha256));
    if (first && first.public_name !== image.public_name) this.#set(item, { first });
  }

  async #sleepUntil(item, state, moment, signal) {
    const ms = moment - Date.now();
    if (ms <= 0 || signal.aborted) return;
    this.#set(item, { state, againAt: moment, sent: 0 });
    await new Promise((resolve) => {
      const wake = () => {
        if (state === "busy" && !signal.aborted) return; // the service has told how long
        clearTimeout(timer);
        end();
      };
      const end = () => {
        this.#sleepers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#sleepers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

const pauseMs = (losses) => Math.min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** losses) * (0.9 + 0.2 * Math.random()) * 1000;

async function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(
    ({ byteLength }) => byteLength > 0,
    () => false,
  );
}
