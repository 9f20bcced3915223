// The page of a signed link: how the picture looks until it is loaded.

import { previewIn } from "./previews.js";

previewIn(document);
