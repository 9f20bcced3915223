// What can be known of a file before a byte of it is sent.

import { sniff } from "./sniffing.js";

/**
 * Look at *file* by *limits* (`maxBytes`, `maxPixels`, `media`: the types that are taken). Return what was found as
 * `{ media, pixels }`; with a `problem` in it, as the service would write it, if there is no use in sending it.
 */
export async function check(file, limits) {
  let found;
  try {
    found = await sniff(file);
  } catch {
    return { problem: { code: "unreadable" } };
  }
  return { ...found, problem: problemOf(file, found, limits) };
}

function problemOf(file, { media, kind, pixels }, { maxBytes, maxPixels, media: taken }) {
  if (!file.size) return { code: "empty-file" };
  if (!media || (taken.size && !taken.has(media))) return { code: "unsupported-format", kind, media };
  if (file.size > maxBytes) return { code: "upload-too-large", measured: file.size, limit: maxBytes };
  if (pixels > maxPixels) return { code: "too-many-pixels", measured: pixels, limit: maxPixels };
  return undefined;
}
