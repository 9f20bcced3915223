// What can be known of a file before a byte of it is sent: what it is, by its first bytes, as the service sees it; and how
// many pixels a JPEG, PNG, GIF or WebP says it has.

const HEAD_BYTES = 4096;
const JPEG_HEAD_BYTES = 512 * 1024; // previews and profiles may come before the size

const FILM = /^(iso|mp4|qt|M4|3g|avc|cmf|dash|F4|f4|MSNV)/;

// By name in the words of the tray, for those that people take for pictures.
const OTHERS = {
  pdf: /^%PDF-/,
  jxl: /^(\xff\n|\0\0\0\x0cJXL )/,
  zip: /^PK[\x03\x05]/,
  psd: /^8BPS/,
  raw: /^(II\*\0|FUJIFILM|.{4}ftypcrx)/s,
  film: /^(.{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI )/s,
  svg: /<svg\b/i,
  html: /<(!doctype )?html\b/i,
  text: /^[\t\n\r -~\x80-\xff]+$/,
};

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

/**
 * What *file* is: `{ media }` if it is of a format that the service knows, else `{ kind }`, a word of `kinds`; and
 * `pixels`, its width times height, where that is easily told. Rejects if the file cannot be read.
 */
export async function sniff(file) {
  const head = await bytes(file, HEAD_BYTES);
  const media = mediaOf(head);
  if (!media) return { kind: kindOf(head) };
  const size = sizeOf(media, media === "image/jpeg" ? await bytes(file, JPEG_HEAD_BYTES) : head);
  return { media, pixels: size && size[0] * size[1] };
}

const bytes = async (file, count) => new DataView(await file.slice(0, count).arrayBuffer());

/** *count* bytes from *offset* on as text, each byte a character; fewer where there are no more. */
function text(view, offset, count) {
  const end = Math.min(offset + count, view.byteLength);
  return offset < end ? String.fromCharCode(...new Uint8Array(view.buffer, offset, end - offset)) : "";
}

/** The media type, by the rules of `vignette.pixels.formats.sniff`; nothing if it is none of those accepted. */
function mediaOf(view) {
  const begin = text(view, 0, 16);
  if (begin.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (begin.startsWith("\x89PNG\r\n\x1a\n")) return isAnimated(view) ? "image/apng" : "image/png";
  if (/^GIF8[79]a/.test(begin)) return "image/gif";
  if (/^RIFF[^]{4}WEBP/.test(begin)) return "image/webp";
  if (begin.slice(4, 8) === "ftyp") return mediaByBrands(view);
  if (/^(II\+\0|MM\0\+)/.test(begin)) return "image/tiff";
  if (/^(II\*\0|MM\0\*)/.test(begin)) return begin.slice(8, 10) === "CR" ? undefined : "image/tiff";
  if (begin.startsWith("BM")) return "image/bmp"; // the service looks closer
  return undefined;
}

function isAnimated(view) {
  for (let offset = 8; offset + 8 <= view.byteLength; offset += 12 + view.getUint32(offset)) {
    const kind = text(view, offset + 4, 4);
    if (kind === "acTL" || kind === "IDAT") return kind === "acTL";
  }
  return false;
}

function brandsOf(view) {
  const end = Math.min(view.getUint32(0), view.byteLength);
  const brands = [text(view, 8, 4)];
  for (let offset = 16; offset + 4 <= end; offset += 4) brands.push(text(view, offset, 4));
  return brands;
}

function mediaByBrands(view) {
  const brands = brandsOf(view);
  if (FILM.test(brands[0]) || brands[0].startsWith("crx")) return undefined;
  for (const brand of brands) {
    if (/^avi[fs]$/.test(brand)) return "image/avif";
    if (/^he[iv][cmsx]$/.test(brand)) return "image/heic";
  }
  return brands.some((brand) => /^m[is]f1$/.test(brand)) ? "image/heif" : undefined;
}

function kindOf(view) {
  const head = text(view, 0, 1024);
  return Object.keys(OTHERS).find((kind) => OTHERS[kind].test(head)) ?? "other";
}

const uint24 = (view, offset) => view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16);

/** [width, height]; nothing where the bytes do not tell: the service finds out. */
function sizeOf(media, view) {
  try {
    if (media === "image/png" || media === "image/apng") return [view.getUint32(16), view.getUint32(20)];
    if (media === "image/gif") return [view.getUint16(6, true), view.getUint16(8, true)];
    if (media === "image/webp") return sizeOfWebp(view);
    if (media === "image/jpeg") return sizeOfJpeg(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

function sizeOfWebp(view) {
  const kind = text(view, 12, 4);
  if (kind === "VP8X") return [uint24(view, 24) + 1, uint24(view, 27) + 1];
  if (kind === "VP8 ") return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (kind !== "VP8L") return undefined;
  const bits = view.getUint32(21, true);
  return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
}

function sizeOfJpeg(view) {
  for (let offset = 2; ; ) {
    if (view.getUint8(offset) !== 0xff) return undefined;
    const marker = view.getUint8(offset + 1);
    if (marker === 0xff) offset += 1; // padding
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) offset += 2; // markers without a segment
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return [view.getUint16(offset + 7), view.getUint16(offset + 5)];
    } else if (marker === 0xda || marker === 0xd9) return undefined;
    else offset += 2 + view.getUint16(offset + 2);
  }
}
