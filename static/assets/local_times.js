// Turns times in UTC, as the service writes them, into those of the reader.

/** Rewrite each `<time data-local>` in *root*. */
export function tellLocalTimes(root) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: "long",
    timeStyle: "short",
    hourCycle: "h23", // as the service writes times
  });
  for (const time of root.querySelectorAll("time[data-local]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.getTime())) time.textContent = format.format(moment);
  }
}
