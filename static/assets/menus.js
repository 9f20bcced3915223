// Menus (`details.menu`) are there without scripts. With them, one closes when the reader clicks elsewhere or presses Escape.

const openMenu = () => document.querySelector("details.menu[open]");

document.addEventListener("keydown", (event) => {
  const menu = openMenu();
  if (event.key !== "Escape" || event.defaultPrevented || !menu || document.querySelector("dialog[open], .pswp")) return;
  event.preventDefault(); // whoever else listens has nothing to close
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  const menu = openMenu();
  if (menu && !menu.contains(event.target)) menu.open = false;
});
