// Draws Home's charts from the table that stands below them: what cannot be seen there is not in a chart either.
// Without script the table and the words under each title say the same.
import { t } from "./words.js";

const WIDTH_LEAST = 200;
const HEIGHT = 150;
const DAY_SECONDS = 86_400;
const MINUTE = 60;
const LANGUAGE = document.documentElement.lang;
const drawn = [];

// A canvas does not know light-dark(): the colour is read where the browser has already chosen.
const colour = (name) => {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const chosen = getComputedStyle(probe).color;
  probe.remove();
  return chosen;
};
const numerals = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 });
const numeral = (value) => numerals.format(value);
const seconds = (value) =>
  value < MINUTE ? t("%(number)s s", { number: numeral(value) }) : t("%(number)s min", { number: numeral(value / MINUTE) });
const told = { "": numeral, "%": (value) => `${numeral(value)} %`, s: seconds };
const sayOf = (unit) => (value) => (value === null ? "—" : told[unit](value));

// the zone that this person chose, or UTC; Sweden writes dates as the server does
const dial = (() => {
  const shape = (timeZone) => new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
  try {
    return shape(document.body.dataset.zone);
  } catch {
    return shape("UTC");
  }
})();
const ZONE = dial.resolvedOptions().timeZone;
// the day before the month, as the server writes it; only the month's name is the language's
const days = new Intl.DateTimeFormat(LANGUAGE, { timeZone: ZONE, day: "numeric", month: "short" });
const dayOf = (at) => {
  const parts = Object.fromEntries(days.formatToParts(at).map((one) => [one.type, one.value]));
  return `${parts.day} ${parts.month}`;
};

// "17:30", and days where the axis spans more than one; all in the zone of the table
const instants = (_plot, ticks) => {
  const isLong = ticks.at(-1) - ticks[0] > DAY_SECONDS;
  return ticks.map((one) => {
    const at = new Date(one * 1000);
    return isLong ? dayOf(at) : dial.format(at).slice(-5);
  });
};

const number = (cell) => {
  const data = cell.querySelector("data");
  return data ? Number(data.value) : null;
};

const read = (table, names) => {
  const heads = [...table.tHead.rows[0].cells];
  const places = names.map((name) => heads.findIndex((one) => one.dataset.column === name));
  const rows = [...table.tBodies[0].rows].reverse(); // the table begins with the newest
  const times = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
  const scale = names[0].endsWith("_ms") ? 1000 : 1;
  const columns = places.map((place) => rows.map((row) => {
    const value = number(row.cells[place]);
    return value === null ? null : value / scale;
  }));
  return { data: [times, ...columns], labels: places.map((place) => heads[place].dataset.label) };
};

const options = (figure, labels, width) => {
  const say = sayOf(figure.dataset.unit);
  const axis = { stroke: colour("--chart-text"), grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false } };
  const strokes = [colour("--chart-1"), colour("--chart-2")];
  return {
    width,
    height: HEIGHT,
    tzDate: (instant) => window.uPlot.tzDate(new Date(instant * 1000), ZONE === "UTC" ? "Etc/UTC" : ZONE),
    legend: { live: true },
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    axes: [{ ...axis, size: 30, values: instants }, { ...axis, size: 56, values: (_plot, ticks) => ticks.map(say) }],
    scales: { y: { range: (_plot, _least, most) => [0, figure.dataset.unit === "%" ? 100 : Math.max(most || 0, 1) * 1.1] } },
    series: [
      { label: t("Time"), value: (_plot, at) => (at ? `${dial.format(new Date(at * 1000))} ${ZONE}` : "—") },
      ...labels.map((label, place) => ({
        label, stroke: strokes[place], width: 2, points: { show: true, size: 4, fill: strokes[place] }, dash: place ? [5, 4] : undefined, value: (_plot, value) => say(value),
      })),
    ],
  };
};

const draw = (figure) => {
  const plot = figure.querySelector(".plot");
  const table = document.getElementById(figure.dataset.table);
  if (!plot || !table || !window.uPlot) return;
  const { data, labels } = read(table, figure.dataset.chart.split(" "));
  plot.hidden = false;
  const width = Math.max(plot.clientWidth, WIDTH_LEAST);
  drawn.push({ plot, chart: new window.uPlot(options(figure, labels, width), data, plot), width });
};

const drawAll = () => {
  for (const { chart } of drawn.splice(0)) chart.destroy();
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure);
};

const fit = () => {
  for (const one of drawn) {
    const width = Math.max(one.plot.clientWidth, WIDTH_LEAST);
    if (width !== one.width) {
      one.width = width;
      one.chart.setSize({ width, height: HEIGHT });
    }
  }
};

drawAll();
addEventListener("resize", fit);
document.addEventListener("kedai:changed", drawAll); // new figures came
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme"] });
