// Why a file was not taken, in the reader's language: by the problem's code and numbers, never by the service's sentence.

import { filesize, has, number, say } from "./words.js";

const UNITS = {
  bytes: filesize,
  pixels: (pixels) => say("megapixels", { number: number(pixels / 1e6) }),
  frames: (frames) => say("frames", { num: frames, number: frames }),
  seconds: (seconds) => say("seconds", { num: seconds, number: seconds }),
};

// Their unit says what they are about, so the numbers are enough.
const SELF_EVIDENT = new Set(["upload-too-large", "too-many-pixels", "too-many-frames"]);

/** The reason of *problem*; *formats* are the names of those that are taken. */
export function reason(problem, formats) {
  const why = problem.code === "unsupported-format" && (problem.kind || problem.media) ? kind(problem, formats) : numbers(problem);
  return problem.isLocal && problem.code !== "unreadable" ? say("not_sent", { reason: why }) : why;
}

function kind({ kind: name, media }, formats) {
  const what = media ? say("this_is", { format: say(media) }) : say(`kind_${name}`);
  return `${what} ${say("only", { formats })}`;
}

function numbers({ code, measured, limit, status }) {
  if (!has(`problem_${code}`)) return say("status", { status: String(status) });
  const title = say(`problem_${code}`);
  const write = UNITS[unitOf(code)];
  if (!write || !Number.isFinite(measured) || !Number.isFinite(limit)) return `${title}.`;
  const values = { title, ...different(write, measured, limit) };
  return say(SELF_EVIDENT.has(code) ? "numbers" : "titled_numbers", values);
}

const unitOf = (code) => (has(`unit_${code}`) ? say(`unit_${code}`) : undefined);

/** Both numbers in words; in full if they would look alike when rounded. */
function different(write, measured, limit) {
  const rounded = { measured: write(measured), limit: write(limit) };
  return rounded.measured === rounded.limit ? { measured, limit } : rounded;
}
