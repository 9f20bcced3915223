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

/** The date, or both of them, with the year unless it is this one. */
function dated(first, last) {
  const isThisYear = first.getFullYear() === new Date().getFullYear();
  const text = new Intl.DateTimeFormat(language, isThisYear ? DAY : { ...DAY, year: "numeric" }).formatRange(first, last);
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

/**
 * Say the times in *element* as the reader's clock does. Days are called as its `data-today` and `data-yesterday` say; the whole
 * document has none.
 */
export function localTimesIn(element) {
  // A browser takes long to make the first Intl object of a page: only where words are not enough.
  const words = [element.dataset?.today, element.dataset?.yesterday];
  element.querySelectorAll("time[data-first]").forEach((time) => {
    const [first, last] = [new Date(time.dataset.first), new Date(time.dataset.last)].map(dayOf);
    const ago = daysAgo(last);
    if (words[ago] && +first === +last) time.textContent = words[ago];
    else if (+first !== +last || +last !== +dayOf(new Date(`${time.dateTime}T00:00`))) time.textContent = dated(first, last);
  });
  element.querySelectorAll("time[data-local]").forEach((time) => {
    time.textContent = new Intl.DateTimeFormat(language, MOMENT).format(new Date(time.dateTime));
  });
}
