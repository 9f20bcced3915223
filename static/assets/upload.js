// Takes pictures that the reader drops or pastes anywhere on the page, and warns of those over the limits before they are sent.
// Without this script the form works like any other, and the server refuses them.

const form = document.querySelector("form.upload");
const input = form.elements.file;
const buttons = [...form.querySelectorAll("button")];
const labels = buttons.map((button) => button.textContent);

function check() {
  const { maxBytes, maxFiles, maxRequestBytes, tooLarge, tooMany, tooMuch } = form.dataset;
  const files = [...input.files];
  const large = files.find((file) => file.size > Number(maxBytes));
  const together = files.reduce((sum, file) => sum + file.size, 0);
  let problem = "";
  if (large) problem = `${tooLarge} ${large.name}`;
  else if (files.length > Number(maxFiles)) problem = tooMany;
  else if (together > Number(maxRequestBytes)) problem = tooMuch;
  input.setCustomValidity(problem);
  input.reportValidity();
}

function take(transfer) {
  if (!transfer.files.length) return false;
  input.files = transfer.files;
  check();
  buttons[0].focus();
  return true;
}

function setSending(pressed) {
  buttons.forEach((button, index) => {
    button.disabled = Boolean(pressed);
    button.textContent = button === pressed ? form.dataset.sending : labels[index];
  });
}

input.addEventListener("change", check);
form.addEventListener("submit", (event) => setSending(event.submitter ?? buttons[0]));
addEventListener("pageshow", () => setSending(null)); // the reader came back, and the browser had kept the page

addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  form.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) form.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  form.classList.remove("dropping");
  if (take(event.dataTransfer)) event.preventDefault();
});
addEventListener("paste", (event) => take(event.clipboardData));
