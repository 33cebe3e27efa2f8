// Numbers, sizes and times as people read them. Knows nothing of pages.

import { el } from "./dom.js";

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

export const count = (number) => (Number.isFinite(number) ? WHOLE.format(number) : "–");

/** What a table of ours has for a word that may be a stranger's: `__proto__` is in none. */
export const known = (table, word, other) => (Object.hasOwn(table, word) ? table[word] : other);

/** `1 job`, `2 jobs`. */
export const counted = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

/** A rate: never wider than six characters. */
export function perSecond(rate) {
  if (!Number.isFinite(rate)) return "–";
  if (rate === 0) return "0";
  return rate >= 10 ? WHOLE.format(rate) : rate.toFixed(rate >= 1 ? 1 : 2);
}

export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [size, unit] = [number, 0];
  while (size >= 1024 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 || size >= 100 ? WHOLE.format(size) : size.toFixed(1)} ${units[unit]}`;
}

/** A length of time in its largest unit. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 100_000) return `${Math.round(ms / 1000)} s`;
  const minutes = ms / 60_000;
  if (minutes < 100) return `${Math.round(minutes)} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`;
}

/** How far a moment is from now: `12 s ago`, `in 4 min`. */
export function relative(at, now = Date.now()) {
  const away = at - now;
  if (Math.abs(away) < 1500) return "now";
  return away > 0 ? `in ${duration(away)}` : `${duration(-away)} ago`;
}

const exact = (at) => EXACT.format(new Date(at));

/** A moment: relative, with the exact one on hover; `tick` keeps it true. */
export function moment(at) {
  if (!at) return el("span", { class: "none" }, "never");
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return el("span", {}, "–");
  return el("time", { datetime: date.toISOString(), title: exact(at) }, relative(date.getTime()));
}

/** Brings all moments on the page up to date. */
export function tick() {
  for (const node of document.querySelectorAll("time[datetime]:not(.exact)")) {
    const text = relative(Date.parse(node.dateTime));
    if (node.textContent !== text) node.textContent = text;
  }
}

/** The exact moment, for where it is what matters. */
export function stamp(at) {
  const date = new Date(at);
  const two = (number, places = 2) => String(number).padStart(places, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${two(date.getMilliseconds(), 3)}`;
  return el("time", { class: "exact", datetime: date.toISOString(), title: exact(at) }, `${day} ${time}`);
}
