// Takes pictures that the reader drops or pastes anywhere on the page, and warns of those over the limits before they are sent.
// Without this script the form works like any other, and the server refuses them.

const form = document.querySelector("form.upload");
const input = form.elements.file;
const button = form.querySelector("button");
const label = button.textContent;

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
  button.focus();
  return true;
}

function setSending(sending) {
  button.disabled = sending;
  button.textContent = sending ? form.dataset.sending : label;
}

input.addEventListener("change", check);
form.addEventListener("submit", () => setSending(true));
addEventListener("pageshow", () => setSending(false)); // the reader came back, and the browser had kept the page

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
