// Copies the text of a field. On plain http there is no navigator.clipboard: then the browser copies what is selected.

async function copied(field) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      // The reader, or a policy, has forbidden it.
    }
  }
  field.focus();
  field.select();
  return document.execCommand("copy");
}

/** Say *words* to whoever cannot see what has changed. */
function say(words) {
  const said = document.getElementById("said");
  if (said) said.textContent = words;
}

/** Show the buttons in *root* that copy a field. */
export function copyOnClick(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = document.getElementById(button.dataset.copy);
      const done = await copied(field);
      const { copied: yes, failed } = document.getElementById("said").dataset;
      say("");
      say(done ? yes : failed);
      if (!done) return field.select();
      button.focus();
      button.textContent = `✓ ${yes}`;
      setTimeout(() => {
        button.textContent = words;
      }, 2000);
    });
  }
  for (const field of root.querySelectorAll(".snippet input")) {
    field.addEventListener("focus", () => field.select());
  }
}
