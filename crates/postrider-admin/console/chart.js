// Counters over time, each with a scale of its own, so that three dead letters beside a million deliveries are seen, and
// which is which is told by its title, not by a colour.

import { el, svg } from "./dom.js";
import { count } from "./format.js";

const HEIGHT = 48;

/** `series` as the API gives it; `rows`: names of counters with titles. `state.at` is the moment that is pointed at. */
export function chart(series, rows, state, redraw) {
  const moments = series[rows[0].name].length;
  const at = Math.min(state.at ?? moments - 1, moments - 1);
  const point = (next) => {
    state.at = next >= moments - 1 ? undefined : Math.max(0, next);
    redraw();
  };
  const onpointermove = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    point(Math.floor(((event.clientX - box.left) / box.width) * moments));
  };
  const onpointerleave = () => point(moments - 1);
  const lines = rows.map((row) => line(row, series, at));
  return el(
    "figure",
    { class: "chart" },
    el("div", { class: "lines", onpointermove, onpointerleave }, lines),
    axis(series, moments),
    scrubber(series, rows, moments, at, point),
  );
}

function line(row, series, at) {
  const values = series[row.name];
  const most = Math.max(...values, 1);
  const total = values.reduce((sum, value) => sum + value, 0);
  const bar = (value, place) => {
    const height = value === 0 ? 0 : Math.max(1.5, (value / most) * HEIGHT);
    const look = place === at ? "bar at" : "bar";
    return svg("rect", { class: look, x: place + 0.08, y: HEIGHT - height, width: 0.84, height });
  };
  const ground = svg("rect", { class: "ground", x: 0, y: HEIGHT - 0.5, width: values.length, height: 0.5 });
  const view = `0 0 ${values.length} ${HEIGHT}`;
  const picture = { class: `bars ${row.kind}`, viewBox: view, preserveAspectRatio: "none", "aria-hidden": "true" };
  return el(
    "div",
    { class: "line" },
    el("span", { class: "name" }, row.title),
    el("span", { class: "total" }, count(total), el("small", {}, ` most ${count(Math.max(...values))}`)),
    svg("svg", picture, ground, values.map(bar)),
  );
}

const CLOCK = { hour: "2-digit", minute: "2-digit" };
const DAY = { weekday: "short", day: "numeric" };

function label(series, place) {
  const at = new Date(series.from + place * series.stepMs);
  return series.span === "week" ? at.toLocaleString(undefined, { ...DAY, ...CLOCK }) : at.toLocaleTimeString(undefined, CLOCK);
}

function axis(series, moments) {
  const places = [0, 0.25, 0.5, 0.75].map((part) => Math.floor(part * moments));
  const short = (place) => {
    const at = new Date(series.from + place * series.stepMs);
    return series.span === "week" ? at.toLocaleDateString(undefined, DAY) : at.toLocaleTimeString(undefined, CLOCK);
  };
  return el("div", { class: "axis", "aria-hidden": "true" }, places.map((place) => el("span", {}, short(place))), el("span", {}, "now"));
}

/** Goes through the moments by keyboard or finger too, and says what is there. */
function scrubber(series, rows, moments, at, point) {
  const values = rows.map((row) => `${count(series[row.name][at])} ${row.title.toLowerCase()}`).join(", ");
  const length = { hour: "1 min", day: "15 min", week: "1 h" }[series.span];
  const text = `${length} from ${label(series, at)}: ${values}`;
  const oninput = (event) => point(Number(event.target.value));
  const range = { type: "range", min: 0, max: moments - 1, value: at, oninput, "aria-label": "Moment", "aria-valuetext": text };
  return el("div", { class: "scrubber" }, el("input", { ...range, key: `moment-${moments}` }), el("span", { "aria-hidden": "true" }, text));
}
