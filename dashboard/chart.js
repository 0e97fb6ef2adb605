// A line chart as SVG: no library, readable by keyboard and screen reader through its summary.

import { h, svg, number, step } from "./page.js";

const WIDTH = 760;
const HEIGHT = 260;
const LEFT = 62;
const BOTTOM = 24;
const TOP = 12;

/** Round steps that cover a range: 1, 2 or 5 times a power of ten. */
function steps(low, high, about) {
  const rough = (high - low || 1) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.floor(low / step) * step;
  const marks = [];
  for (let mark = first; mark < high + step; mark += step) marks.push(Number(mark.toPrecision(12)));
  return marks;
}

/**
 * `points`: [{ at: Date, value: number }] in order. `ahead`: what is expected after them, each with its `low` and `high`.
 * `odd`: what was noticed, each with its `explanation`. `bucket`: how long a step is.
 */
export function lineChart(points, { unit, label, bucket = "DAY", ahead = [], odd = [] }) {
  if (points.length + ahead.length === 0) return h("p", { class: "soft" }, "No points in this range.");
  const values = points.map((point) => point.value);
  const bounds = ahead.flatMap((point) => [point.low, point.high]);
  const low = Math.min(0, ...values, ...bounds);
  const marks = steps(low, Math.max(...values, ...bounds, low + 1e-9), 4);
  const [bottom, top] = [marks[0], marks.at(-1)];
  const [begin, end] = [+(points[0] ?? ahead[0]).at, +(ahead.at(-1) ?? points.at(-1)).at];
  const all = [...points, ...ahead];
  const marked = [...new Set([0, 0.25, 0.5, 0.75, 1].map((share) => all[Math.round(share * (all.length - 1))]))];
  const x = (at) => LEFT + ((at - begin) / (end - begin || 1)) * (WIDTH - LEFT - 10);
  const y = (value) => TOP + (1 - (value - bottom) / (top - bottom || 1)) * (HEIGHT - TOP - BOTTOM);
  const line = (places) => places.map(([at, value], i) => `${i ? "L" : "M"}${x(+at).toFixed(1)},${y(value).toFixed(1)}`).join("");
  const path = line(points.map((point) => [point.at, point.value]));
  const area = points.length === 0 ? "" : `${path}L${x(+points.at(-1).at).toFixed(1)},${y(bottom)}L${x(begin).toFixed(1)},${y(bottom)}Z`;
  const last = points.length ? [[points.at(-1).at, values.at(-1)]] : [];
  const band = ahead.length ? `${line([...last, ...ahead.map((point) => [point.at, point.high]), ...ahead.toReversed().map((point) => [point.at, point.low])])}Z` : "";
  const expected = ahead.length ? line([...last, ...ahead.map((point) => [point.at, point.value])]) : "";
  const known = points.length ? `${points.length} points from ${step(points[0].at, bucket)} to ${step(points.at(-1).at, bucket)}, last ${number(values.at(-1), unit)}` : "";
  const summary = `${label}: ${[known, ahead.length ? `${ahead.length} steps ahead` : ""].filter(Boolean).join(", then ")}`;

  const cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const dot = svg("circle", { class: "dot", r: 4, visibility: "hidden" });
  const reading = h("p", { class: "small soft", style: "margin:.2rem 0 0; min-height:1.5em" }, summary);
  const picture = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary }, [
    ...marks.flatMap((mark) => [
      svg("line", { class: "grid-line", x1: LEFT, x2: WIDTH - 10, y1: y(mark), y2: y(mark) }),
      svg("text", { x: LEFT - 8, y: y(mark) + 4, "text-anchor": "end" }, [number(mark)]),
    ]),
    ...marked.map(({ at }) => {
      const anchor = +at === begin ? "start" : +at === end ? "end" : "middle";
      return svg("text", { x: x(+at), y: HEIGHT - 6, "text-anchor": anchor }, [step(at, bucket)]);
    }),
    svg("path", { class: "band", d: band }),
    svg("path", { class: "ahead", d: expected }),
    svg("path", { class: "area", d: area }),
    svg("path", { class: "line", d: path }),
    ...odd.filter((one) => +one.at >= begin && +one.at <= end).map((one) =>
      svg("circle", { class: "odd", r: 5, cx: x(+one.at), cy: y(one.value) }, [svg("title", {}, [one.explanation])])),
    cursor,
    dot,
  ]);
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    const nearest = all.reduce((best, point) => (Math.abs(x(+point.at) - at) < Math.abs(x(+best.at) - at) ? point : best));
    for (const [name, value] of [["x1", x(+nearest.at)], ["x2", x(+nearest.at)], ["visibility", "visible"]]) cursor.setAttribute(name, value);
    for (const [name, value] of [["cx", x(+nearest.at)], ["cy", y(nearest.value)], ["visibility", "visible"]]) dot.setAttribute(name, value);
    const between = nearest.low === undefined ? "" : ` expected, between ${number(nearest.low, unit)} and ${number(nearest.high, unit)} with 80 %`;
    reading.textContent = `${step(nearest.at, bucket)}: ${number(nearest.value, unit)}${between}`;
  });
  picture.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    dot.setAttribute("visibility", "hidden");
    reading.textContent = summary;
  });
  return h("div", {}, picture, reading);
}
