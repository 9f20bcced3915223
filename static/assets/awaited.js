// The page that stands for a clean copy: the copy is downloaded as soon as it is made.

import { made } from "./making.js";

if (await made(location.href)) location.reload();
else {
  const said = document.getElementById("said");
  document.querySelector(".dots").hidden = true;
  said.textContent = said.dataset.late;
}
