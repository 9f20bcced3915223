// A file's row: what it is called, how far it is, and what can be done about it.

import { copy } from "./copying.js";
import { draw } from "./preview.js";
import { reason } from "./reasons.js";
import { filesize, percent, say } from "./words.js";

const ACTIONS = {
  waiting: ["cancel"],
  sending: ["cancel"],
  lost: ["cancel"],
  busy: ["cancel"],
  cancelled: ["again", "remove"],
  refused: ["again", "remove"],
  making: ["copy"],
  kept: ["copy"],
  ready: ["copy"],
  failed: ["copy"],
  quarantined: ["remove"],
  here: ["anyway", "leave"],
  gone: ["remove"],
};

const SAID_FOR_MS = 3000;

// Nothing changes about these by being sent again.
const FINAL = new Set(["unsupported-format", "upload-too-large", "too-many-pixels", "too-many-frames", "too-much-memory", "empty-file", "broken-image", "ticket-spent"]);

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    target.dispatchEvent(new Event("seen"));
  }
});

export class Row {
  #formats;
  #act;
  #wasCopied = false;
  #isObserved = false;

  /**
   * The row of *item*, made from *template*; *formats* are the names of those that are taken. *act* is called with what its
   * buttons ask for ("cancel", "again", "remove"), or have done ("copied").
   */
  constructor(item, template, formats, act) {
    this.item = item;
    this.#formats = formats;
    this.#act = act;
    this.element = document.importNode(template.content.firstElementChild, true);
    this.#part("name").textContent = item.file.name;
    this.#part("kind").textContent = extension(item.file.name);
    for (const button of this.element.querySelectorAll("button")) {
      button.append(this.#hidden(item.file.name));
      button.addEventListener("click", () => (button.name === "copy" ? this.#copy() : act(button.name, item)));
    }
    this.element.addEventListener("seen", () => this.#draw());
    this.render();
  }

  #part(name) {
    return this.element.querySelector(`[data-part=${name}]`);
  }

  render() {
    const { item, element } = this;
    const hadFocus = element.contains(document.activeElement);
    element.dataset.state = item.state;
    this.#part("state").textContent = this.#wasCopied ? say("copied", { num: 1 }) : stateOf(item, this.#formats);
    this.#renderProgress();
    const actions = ACTIONS[item.state] ?? [];
    for (const button of element.querySelectorAll("button")) {
      button.hidden = !actions.includes(button.name) || !this.#isUseful(button.name);
    }
    if (item.url) this.#link(item.url);
    if (item.first) this.#linkFirst(item.first);
    if (item.isChecked && !this.#isObserved) {
      this.#isObserved = true;
      seen.observe(element);
    }
    if (item.state === "ready") this.#showVignette();
    if (hadFocus && !isShown(document.activeElement)) this.focus();
  }

  #isUseful(action) {
    if (action === "copy") return Boolean(this.item.url);
    return action !== "again" || !FINAL.has(this.item.problem?.code);
  }

  /** Give the focus to the first thing in the row that takes it. */
  focus() {
    (this.element.querySelector("button:not([hidden])") ?? this.element).focus();
  }

  #renderProgress() {
    const bar = this.#part("progress");
    const { state, sent, file } = this.item;
    bar.hidden = !["sending", "checking"].includes(state);
    bar.value = file.size ? sent / file.size : 0;
  }

  #link(url) {
    const name = this.#part("name");
    if (name.closest("a")) return;
    const link = document.createElement("a");
    link.href = url;
    name.replaceWith(link);
    link.append(name);
  }

  #linkFirst({ id, links }) {
    const link = this.#part("first");
    link.href = links.self;
    link.textContent = Number.isInteger(id) ? say("here_as", { number: String(id) }) : say("here_before");
    link.hidden = false;
  }

  async #draw() {
    if (!this.item.media) return;
    const [canvas, kind] = [this.#part("picture"), this.#part("kind")];
    kind.textContent = say(this.item.media);
    kind.hidden = await draw(this.item.file, this.item.pixels, canvas);
    canvas.hidden = !kind.hidden;
  }

  /** What the browser could not draw is seen as soon as the service has drawn it. */
  #showVignette() {
    const kind = this.#part("kind");
    const url = Object.values(this.item.image?.links?.vignettes ?? {})[0];
    if (kind.hidden || !url || kind.querySelector("img")) return;
    const { pathname, search } = new URL(url);
    const image = new Image();
    image.alt = "";
    image.src = pathname + search;
    image.decode().then(() => kind.replaceChildren(image), () => {});
  }

  async #copy() {
    this.#wasCopied = await copy(this.item.url, this.#part("link"));
    this.render();
    if (!this.#wasCopied) return;
    this.#act("copied", this.item);
    this.#wasCopied = false;
    setTimeout(() => this.render(), SAID_FOR_MS);
  }

  #hidden(words) {
    const span = document.createElement("span");
    span.className = "unseen";
    span.textContent = ` ${words}`;
    return span;
  }
}

const isShown = (element) => element !== document.body && element.getClientRects().length > 0;

const extension = (name) => (name.match(/\.([a-z0-9]{2,4})$/i)?.[1] ?? "").toUpperCase();

function stateOf({ state, sent, file, againAt, image, problem }, formats) {
  const seconds = String(Math.max(1, Math.ceil((againAt - Date.now()) / 1000)));
  switch (state) {
    case "sending":
      return say("sending", { percent: percent(file.size ? sent / file.size : 0), size: filesize(file.size) });
    case "lost":
    case "busy":
      return say(state, { seconds });
    case "ready":
      return Number.isInteger(image.id) ? say("ready_as", { number: String(image.id) }) : say("ready");
    case "refused":
      return reason(problem, formats);
    default:
      return say(state);
  }
}
