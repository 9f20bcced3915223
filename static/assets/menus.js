// Menus (`details.menu`) are there without scripts. With them, one closes when the reader clicks elsewhere, goes
// on with Tab, or presses Escape.

const openMenu = () => document.querySelector("details.menu[open]");

document.addEventListener("keydown", (event) => {
  const menu = openMenu();
  if (event.key !== "Escape" || event.defaultPrevented || !menu || document.querySelector("dialog[open], .pswp")) return;
  event.preventDefault(); // whoever else listens has nothing to close
  menu.open = false;
  menu.querySelector("summary").focus();
});

// So does what is unfolded: the part that the focus is in, or what would delete.
document.addEventListener("keydown", (event) => {
  const part = event.target.closest?.("details[open]:not(.menu)") ?? document.querySelector("details.danger[open]");
  if (event.key !== "Escape" || event.defaultPrevented || !part || document.querySelector("dialog[open], .pswp")) return;
  event.preventDefault();
  part.open = false;
  part.querySelector("summary").focus();
});

document.addEventListener("focusin", (event) => {
  const menu = openMenu();
  if (menu && !menu.contains(event.target)) menu.open = false;
});

document.addEventListener("click", (event) => {
  const menu = openMenu();
  if (menu && !menu.contains(event.target)) menu.open = false;
});
