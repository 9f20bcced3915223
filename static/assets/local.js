// The times of a page, as the reader's clock has them.

import { localTimesIn } from "./times.js";

localTimesIn(document);
