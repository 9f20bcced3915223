// Waits for a clean copy. A browser that is told that there is none yet would keep those words as if they were the copy.

const PAUSE_MS = 1000;
const PATIENCE_MS = 180_000;

/** Resolves to whether there is more at *url* than that it is being made: the copy, or why there is none. */
export async function made(url) {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const answer = await fetch(url, { method: "HEAD", headers: { Prefer: "wait=20" } }).catch(() => null);
    if (answer && answer.status !== 202) return true;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return false;
}
