// Text into the clipboard. Over plain http a browser has no `navigator.clipboard`: then the text is shown, and selected.

/** Copy *text*, or show it in *field*, selected. Resolves to whether it has been copied. */
export async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field.value = text;
    field.hidden = false;
    field.focus();
    field.select();
    return document.execCommand("copy"); // not in the standard any more, and in every browser
  }
}
