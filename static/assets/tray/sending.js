// One attempt to send one file. XMLHttpRequest, because fetch tells nobody how much of a body has gone out.

const STALLED_AFTER_MS = 30_000; // no byte goes out: the network is gone without a word
const SILENT_AFTER_MS = 180_000; // all have gone out: they may still be on their way, and then the file is checked
const BUSY_AGAIN_S = 5;

/**
 * Send *file* to *url* as the *field* of a form, under the idempotency *key*. *moved* is called with the bytes that have
 * gone out, *sent* when all have. Resolves to one of
 *
 * `{ image }`: it was kept; `{ problem, status }`: it was refused, for a problem (RFC 9457) or without one;
 * `{ busy }`: seconds to wait, as the service asks; `{ isLost }`: the connection; `{ isCancelled }`: by *signal*.
 */
export function send({ url, field, file, key, signal, moved, sent }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let watch;
    const expect = (ms) => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), ms);
    };
    const end = (answer) => {
      clearTimeout(watch);
      signal.removeEventListener("abort", stop);
      resolve(answer);
    };
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      expect(STALLED_AFTER_MS);
      moved(file.size * Math.min(1, loaded / total));
    });
    request.upload.addEventListener("load", () => {
      expect(SILENT_AFTER_MS);
      sent();
    });
    request.addEventListener("load", () => end(answerOf(request)));
    request.addEventListener("error", () => end({ isLost: true }));
    request.addEventListener("abort", () => end(signal.aborted ? { isCancelled: true } : { isLost: true }));
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json, application/problem+json");
    request.setRequestHeader("Idempotency-Key", key);
    const form = new FormData();
    form.append(field, file, file.name);
    expect(STALLED_AFTER_MS);
    request.send(form);
  });
}

function answerOf(request) {
  const { status } = request;
  if (status === 429 || status === 503) return { busy: secondsOf(request.getResponseHeader("Retry-After")) };
  // Too slow, or a proxy that reaches no service: so it is while that starts again.
  if ([408, 502, 504].includes(status)) return { isLost: true };
  const body = parsed(request.responseText);
  if (status < 200 || status >= 300) return { problem: body, status };
  return body ? { image: body.image ?? body } : { isLost: true }; // a network that wants to be paid answers anything
}

function parsed(json) {
  try {
    const value = JSON.parse(json);
    return typeof value === "object" && value ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Retry-After (RFC 9110, 10.2.3): seconds, or a date. */
function secondsOf(header) {
  const seconds = /^\d+$/.test(header ?? "") ? Number(header) : (Date.parse(header ?? "") - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : BUSY_AGAIN_S;
}
