// Keys for who works here all day. They can be switched off (they are single letters, which speech input may say by
// mistake), and everything that they do is a link or a button too.
import { t } from "./words.js";

const SWITCH = "kedai.keys";
const PLACES = { h: "home", o: "orders", e: "events", x: "exceptions", r: "runs", s: "sku-map", c: "calls" };
const WAIT_MS = 1500;
const palette = document.querySelector("[data-palette] kbd")?.textContent;
const SHEET = [
  ...(palette ? [[palette, t("Search or go to a page; also with the other keys off")]] : []),
  ["/", t("Go to the search or the filter")],
  ["j", t("Next row")], ["k", t("Row before")],
  ["Enter", t("Open the row")], ["x", t("Choose the row, where rows can be chosen")],
  ...Object.entries(PLACES).map(([key, name]) => [`g ${key}`, t(`Go to ${name.replace("-", " ")}`)]),
  ["?", t("Show these keys")], ["Esc", t("Close")],
];

let awaited = 0; // until when a second key may follow a “g”
let sheet = null;

const isOn = () => localStorage.getItem(SWITCH) !== "off";
const isTyping = (target) => target.closest?.("input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a[href]") && row.offsetParent);
const linkOf = (row) => row.querySelector("th a[href], a[href]");

const move = (by) => {
  const all = rows();
  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, now + by))];
  if (!next) return;
  linkOf(next).focus({ focusVisible: true });
  next.scrollIntoView({ block: "nearest" });
};

const choose = () => {
  const row = document.activeElement?.closest("tbody tr");
  row?.querySelector("input[type=checkbox]:not(:disabled)")?.click();
};

const search = () => {
  const field = document.querySelector("[role=search] input[type=search], main input[type=search], [role=search] input, [role=search] select");
  field?.focus();
  field?.select?.();
};

const go = (key) => document.querySelector(`nav#menu a[href$="/${PLACES[key]}"]`)?.click();

const part = (name, text = "", set = {}) => Object.assign(document.createElement(name), { textContent: text }, set);

const build = () => {
  const found = part("dialog");
  found.className = "sheet";
  found.setAttribute("aria-labelledby", "sheet-title");
  const list = part("dl");
  for (const [key, does] of SHEET) {
    const term = part("dt");
    term.append(...key.split(" ").map((one) => part("kbd", one)));
    list.append(term, part("dd", does));
  }
  const choice = part("label", "", { className: "choice" });
  const box = part("input", "", { type: "checkbox", checked: isOn() });
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(SWITCH);
    else localStorage.setItem(SWITCH, "off");
  });
  choice.append(box, ` ${t("Use these keys in this browser")}`);
  const close = part("button", t("Close"), { type: "button", className: "btn" });
  close.addEventListener("click", () => found.close());
  found.append(part("h2", t("Keyboard shortcuts"), { id: "sheet-title" }), list, choice, close);
  document.body.append(found);
  return found;
};

const showSheet = () => {
  sheet ??= build();
  sheet.querySelector("input").checked = isOn();
  if (!sheet.open) sheet.showModal();
};

const deeds = { "/": search, j: () => move(1), k: () => move(-1), x: choose, "?": showSheet };

const isGoing = (key) => {
  const going = awaited > Date.now();
  awaited = key === "g" && !going ? Date.now() + WAIT_MS : 0;
  return going;
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (!isOn()) return; // the button in the head of the page leads to the switch
  if (isGoing(event.key)) {
    if (event.key in PLACES) { event.preventDefault(); go(event.key); }
    return;
  }
  const deed = deeds[event.key];
  if (!deed) return;
  event.preventDefault();
  deed();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) showSheet();
});
