// Turns times into the reader's own: the server knows only what they are in UTC.
//   <time datetime="2026-11-28T09:12:00Z" data-local>        date and time
//   <time datetime="2026-11-28" data-first="…Z" data-last="…Z"> the day, or the days, of pictures that the server has put together

const language = document.documentElement.lang;
const DAY = { weekday: "long", day: "numeric", month: "long" };
const MOMENT = { dateStyle: "long", timeStyle: "short", hourCycle: "h23" }; // as the service writes times

function dayOf(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

function daysAgo(date) {
  return Math.round((dayOf(new Date()) - dayOf(date)) / 86_400_000);
}

function capital(text) {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

/** "Today", "Yesterday", or the date, with the year unless it is this one. */
function named(first, last) {
  const ago = daysAgo(last);
  if (ago < 2 && daysAgo(first) === ago) {
    return capital(new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-ago, "day"));
  }
  const isThisYear = first.getFullYear() === new Date().getFullYear();
  const format = new Intl.DateTimeFormat(language, isThisYear ? DAY : { ...DAY, year: "numeric" });
  return capital(format.formatRange(dayOf(first), dayOf(last)));
}

/** Say the times in *element* as the reader's clock does. */
export function localTimesIn(element) {
  element.querySelectorAll("time[data-first]").forEach((time) => {
    time.textContent = named(new Date(time.dataset.first), new Date(time.dataset.last));
  });
  element.querySelectorAll("time[data-local]").forEach((time) => {
    time.textContent = new Intl.DateTimeFormat(language, MOMENT).format(new Date(time.dateTime));
  });
}
