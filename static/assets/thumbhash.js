// ThumbHash: some 25 bytes that tell how a picture looks. vignette/pixels/thumbhash.py writes them, and describes the format.

const LUMINANCE_TERMS = 7;
const LUMINANCE_TERMS_BESIDE_ALPHA = 5;
const COLOUR_TERMS = 3;
const ALPHA_TERMS = 5;

/**
 * Return the mean of a channel, and its other terms, each as [frequency across, frequency down, amplitude].
 *
 * *fours* iterates over the half-bytes of all channels; those of this channel are taken from it.
 */
function channel(mean, scale, across, down, fours) {
  const terms = [];
  for (let y = 0; y < down; y += 1) {
    for (let x = y ? 0 : 1; x * down < across * (down - y); x += 1) {
      terms.push([x, y, 2 * scale * (fours.next().value / 7.5 - 1)]);
    }
  }
  return { mean, terms };
}

/** Return a row for each of *length* pixels: the cosine of each frequency at the middle of the pixel. */
function waves(length) {
  return Array.from({ length }, (_, at) =>
    Array.from({ length: LUMINANCE_TERMS }, (_, frequency) => Math.cos((Math.PI / length) * frequency * (at + 0.5))),
  );
}

function channels(bytes) {
  const low = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const high = bytes[3] | (bytes[4] << 8);
  const hasAlpha = low >> 23;
  const most = hasAlpha ? LUMINANCE_TERMS_BESIDE_ALPHA : LUMINANCE_TERMS;
  const least = Math.max(COLOUR_TERMS, high & 7);
  const [across, down] = high >> 15 ? [most, least] : [least, most];
  const fours = [...bytes.subarray(hasAlpha ? 6 : 5)].flatMap((byte) => [byte & 15, byte >> 4]).values();
  const six = (number, shift) => (number >> shift) & 63;
  // Keep this order: `fours` holds the half-bytes channel by channel.
  const luminance = channel(six(low, 0) / 63, ((low >> 18) & 31) / 31, across, down, fours);
  const yellowBlue = channel(six(low, 6) / 31.5 - 1, six(high, 3) / 63, COLOUR_TERMS, COLOUR_TERMS, fours);
  const redGreen = channel(six(low, 12) / 31.5 - 1, six(high, 9) / 63, COLOUR_TERMS, COLOUR_TERMS, fours);
  const alpha = hasAlpha
    ? channel((bytes[5] & 15) / 15, (bytes[5] >> 4) / 15, ALPHA_TERMS, ALPHA_TERMS, fours)
    : { mean: 1, terms: [] };
  return [luminance, yellowBlue, redGreen, alpha];
}

/** Return *width* × *height* pixels, each red, green, blue and alpha in a byte, that look about like the picture of *hash*. */
export function decode(hash, width, height) {
  const all = channels(Uint8Array.from(atob(hash), (character) => character.charCodeAt(0)));
  const across = waves(width);
  const pixels = new Uint8ClampedArray(4 * width * height);
  let at = 0;
  for (const down of waves(height)) {
    for (const wave of across) {
      const [luminance, yellowBlue, redGreen, alpha] = all.map(({ mean, terms }) =>
        terms.reduce((sum, [x, y, amplitude]) => sum + amplitude * wave[x] * down[y], mean),
      );
      const blue = luminance - (2 / 3) * yellowBlue;
      const red = (3 * luminance - blue + redGreen) / 2;
      pixels.set([red, red - redGreen, blue, alpha].map((value) => 255 * value), at);
      at += 4;
    }
  }
  return pixels;
}
