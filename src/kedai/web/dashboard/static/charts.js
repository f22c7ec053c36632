// Draws Home's charts from the table that stands below them: what cannot be seen there is not in a chart either.
// Without script the table and the words under each title say the same.

const WIDTH_LEAST = 200;
const HEIGHT = 150;
const DAY_SECONDS = 86_400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
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
const seconds = (value) => (value === null ? "—" : value < 60 ? `${+value.toFixed(1)} s` : `${+(value / 60).toFixed(1)} min`);
const told = { "": (value) => (value === null ? "—" : `${value}`), "%": (value) => (value === null ? "—" : `${+value.toFixed(1)} %`), s: seconds };

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

// "17:30", and days where the axis spans more than one; all in the zone of the table
const instants = (_plot, ticks) => {
  const isLong = ticks.at(-1) - ticks[0] > DAY_SECONDS;
  return ticks.map((one) => {
    const [, month, day, time] = dial.format(new Date(one * 1000)).match(/-(\d\d)-(\d\d)\s(\d\d:\d\d)/);
    return isLong ? `${Number(day)} ${MONTHS[month - 1]}` : time;
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
  const say = told[figure.dataset.unit];
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
      { label: "Time", value: (_plot, at) => (at ? `${dial.format(new Date(at * 1000))} ${ZONE}` : "—") },
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
