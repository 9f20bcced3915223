// The pages of links, keys and sessions: what they tell is copied, and times are the reader's own.

import { dressLink } from "./links.js";

dressLink(document);
