// The words of the tray, in the reader's language: the page brings them as JSON, with each plural that the language has.

const MEBIBYTE = 1024 ** 2;

const { locale, words } = JSON.parse(document.getElementById("tray-words").textContent);

// A browser takes up to 17 ms for the first Intl object of a page, and an old phone four times as long: most readers of a page
// add nothing.
let plurals;
let percents;

/** Write *value* as the pages do: two significant digits below 1, one decimal below 100, none above. */
export function number(value) {
  const digits = value >= 100 ? { maximumFractionDigits: 0 } : value >= 1 ? { maximumFractionDigits: 1 } : { maximumSignificantDigits: 2 };
  return value.toLocaleString(locale, digits);
}

export function percent(share) {
  percents ??= new Intl.NumberFormat(locale, { style: "percent" });
  return percents.format(Math.floor(share * 100) / 100);
}

/** Whether there are words of this name. */
export const has = (name) => name in words;

/** The words called *name*, with *values* put in. Where they have plurals, the number `values.num` chooses. */
export function say(name, values = {}) {
  const forms = words[name];
  const message = typeof forms === "string" ? forms : (forms[formOf(values.num)] ?? forms.other);
  return message.replace(/%\((\w+)\)s/g, (_, key) => (typeof values[key] === "number" ? values[key].toLocaleString(locale) : values[key]));
}

function formOf(num) {
  plurals ??= new Intl.PluralRules(locale);
  return plurals.select(num);
}

export function filesize(bytes) {
  if (bytes < 1024) return say("bytes", { num: bytes, number: bytes });
  if (bytes < MEBIBYTE) return say("kib", { number: number(bytes / 1024) });
  if (bytes < 1024 * MEBIBYTE) return say("mib", { number: number(bytes / MEBIBYTE) });
  return say("gib", { number: number(bytes / MEBIBYTE / 1024) });
}
