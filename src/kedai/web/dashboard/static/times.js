// Keeps relative times fresh, and shows the absolute one, with its zone, under the pointer and under the focus.
import { t } from "./words.js";

const FRESHEN_MS = 15_000;
const MINUTE = 60, HOUR = 3600, DAY = 86_400, JUST_NOW = 10, MANY_DAYS = 60;

const utc = (at) => `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
// the zone that this person chose; Sweden writes dates as the server does
const ZONE = document.body.dataset.zone;
const clock = () => {
  try {
    return new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, dateStyle: "short", timeStyle: "medium" });
  } catch {
    return null; // a zone that this browser does not know
  }
};
const chosen = ZONE === "UTC" ? null : clock();
const local = (at) => new Intl.DateTimeFormat(document.documentElement.lang || "en", {
  dateStyle: "medium", timeStyle: "medium",
}).format(at) + " " + new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(at).find((one) => one.type === "timeZoneName").value;
const absolute = (at) => {
  if (chosen) return `${chosen.format(at)} ${ZONE} · ${utc(at)}`;
  return at.getTimezoneOffset() === 0 ? utc(at) : `${utc(at)} · ${local(at)}`;
};

const span = (seconds) => {
  if (seconds < MINUTE) return t("%(number)s s", { number: seconds });
  if (seconds < HOUR) return t("%(number)s min", { number: Math.floor(seconds / MINUTE) });
  return seconds < 2 * DAY
    ? t("%(number)s h", { number: Math.floor(seconds / HOUR) })
    : t("%(number)s days", { number: Math.floor(seconds / DAY) });
};

// the same words as the server's
const ago = (at, now) => {
  const seconds = Math.trunc((now - at) / 1000);
  const size = Math.abs(seconds);
  if (size < JUST_NOW) return t("just now");
  if (size > MANY_DAYS * DAY) return null;
  return seconds > 0 ? t("%(span)s ago", { span: span(size) }) : t("in %(span)s", { span: span(size) });
};

const freshen = () => {
  const now = Date.now();
  for (const one of document.querySelectorAll("time[data-ago]")) {
    const text = ago(Date.parse(one.dateTime), now);
    if (text !== null && one.textContent !== text) one.textContent = text;
  }
};

// A time in a row is told with its row, when the row's link has the focus: else every row would need stops of its own.
const adopt = () => {
  for (const one of document.querySelectorAll("time[data-ago]")) {
    one.removeAttribute("title"); // what is shown instead
    if (!one.closest("tr")) one.tabIndex = 0;
  }
};

const tip = document.createElement("div");
tip.className = "tip";
tip.id = "time-tip";
tip.setAttribute("role", "tooltip");
tip.hidden = true;
document.body.append(tip);
let owner = null;

const show = (at, lines) => {
  hide();
  owner = at;
  tip.replaceChildren(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
  tip.hidden = false;
  at.setAttribute("aria-describedby", tip.id);
  const box = at.getBoundingClientRect();
  const left = Math.max(4, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 4));
  const below = box.bottom + 4 + tip.offsetHeight <= innerHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? box.bottom + 4 : box.top - tip.offsetHeight - 4}px`;
};

const hide = () => {
  if (owner) owner.removeAttribute("aria-describedby");
  owner = null;
  tip.hidden = true;
};

const told = (time) => absolute(new Date(time.dateTime));
const toldOfRow = (row) => [...row.querySelectorAll("time[data-ago]")].map((one) => {
  const label = one.closest("[data-label]")?.dataset.label;
  return label ? `${label}: ${told(one)}` : told(one);
});

document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time[data-ago]");
  if (time) show(time, [told(time)]);
  else if (!tip.contains(event.target) && owner && owner !== document.activeElement) hide();
});
document.addEventListener("focusin", (event) => {
  const time = event.target.closest("time[data-ago]");
  const row = event.target.closest("tbody tr");
  if (time) show(time, [told(time)]);
  else if (row && row.querySelector("time[data-ago]") && event.target.matches(":focus-visible")) show(event.target, toldOfRow(row));
  else hide();
});
document.addEventListener("focusout", hide);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
addEventListener("scroll", hide, { passive: true, capture: true });
document.addEventListener("kedai:changed", () => { adopt(); freshen(); });

adopt();
freshen();
setInterval(freshen, FRESHEN_MS);
