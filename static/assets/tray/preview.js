// A small picture of a file that is not sent yet. The page's policy forbids `blob:` pictures, so it is drawn.

const EDGE_PX = 96;
const MOST_PIXELS = 50_000_000; // to decode more takes 200 MB, which a phone may not have

let last = Promise.resolve();

/** Draw *file* on *canvas*, filled and cropped; one after the other. Resolves to whether the browser could decode it. */
export function draw(file, pixels, canvas) {
  const drawn = last.then(() => (pixels > MOST_PIXELS ? false : paint(file, canvas)));
  last = drawn;
  return drawn;
}

async function paint(file, canvas) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = EDGE_PX / Math.min(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    canvas.width = canvas.height = EDGE_PX;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (EDGE_PX - width) / 2, (EDGE_PX - height) / 2, width, height);
    bitmap.close();
    return true;
  } catch {
    return false;
  }
}
