// The files of a drop, those in its folders too.

/** No more than this many files of a drop are taken: each has a row, and a person looks through them. */
export const MOST_FILES = 1000;

const OF_SYSTEMS = /^(\..*|Thumbs\.db|desktop\.ini|__MACOSX)$/i;

// Made with the first folder: see words.js.
let names;

/**
 * Return what *transfer* carries: `{ files, isCut }`. Call this while the event is handled: afterwards the browser
 * forgets what was dropped. What operating systems put into folders is left out.
 */
export function filesOf(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const carried = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  return gathered(carried);
}

async function gathered(carried) {
  const files = [];
  const isFull = () => files.length > MOST_FILES;
  for (const one of carried) {
    if (one instanceof File) files.push(one);
    else await walk(one, files, isFull);
    if (isFull()) break;
  }
  return { files: files.slice(0, MOST_FILES), isCut: isFull() };
}

async function walk(entry, files, isFull) {
  if (entry.isFile) {
    files.push(await fileOf(entry));
    return;
  }
  const inside = (await entriesOf(entry)).filter(({ name }) => !OF_SYSTEMS.test(name));
  names ??= new Intl.Collator(undefined, { numeric: true });
  inside.sort((one, other) => one.isDirectory - other.isDirectory || names.compare(one.name, other.name));
  for (const one of inside) {
    if (isFull()) return;
    await walk(one, files, isFull);
  }
}

/** What cannot be read stands in the list too, as a file that cannot be read: then its row tells so. */
const fileOf = (entry) => new Promise((resolve) => entry.file(resolve, () => resolve(unreadable(entry.name))));

function unreadable(name) {
  const file = new File([], name);
  file.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException("", "NotReadableError")) });
  return file;
}

/** Browsers give a folder in pieces: an empty one is the end. */
async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length || all.length > MOST_FILES) return all;
    all.push(...some);
  }
}
