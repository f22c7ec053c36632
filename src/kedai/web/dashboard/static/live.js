// Says how much is new and whether that can be trusted: live, reconnecting, stale, paused. Nothing on the page jumps:
// new rows are only counted, and come when one asks for them. What moves by itself (progress, figures) is replaced where
// it stands. The page works without all this; it then shows what was true when it was loaded.
import { t } from "./words.js";

const STALE_MS = 4500; // the server speaks every two seconds
const LOOK_MS = 500;
const POLL_MS = 5000;
const POLLS_BEFORE_RETRY = 6;
const HIDDEN_MS = 10_000; // a browser has few connections to a server: tabs that nobody sees give theirs back
const REFRESH_MS = 1500;
const MINUTE_MS = 60_000;
const MANY = 200;
const CHOICE = "kedai.live";

document.documentElement.classList.add("scripted");

const bar = document.querySelector("[data-live]");
const clock = (at) => {
  const timeZone = document.body.dataset.zone;
  try {
    return `${new Intl.DateTimeFormat("sv-SE", { timeZone, timeStyle: "medium" }).format(at)} ${timeZone}`;
  } catch {
    return `${new Date(at).toISOString().slice(11, 19)} UTC`; // a zone that this browser does not know
  }
};

let source = null;
let since = bar?.dataset.liveSince;
let heardAt = Date.now();
let polls = 0;
let pollTimer = 0;
let hiddenTimer = 0;
let state = "";
let paused = sessionStorage.getItem(CHOICE) === "paused";

// --- what it says of itself

const WORDS = {
  live: () => t("Up to date"), // never "Live": that is an environment
  polling: () => t("Asks every %(seconds)s s", { seconds: POLL_MS / 1000 }),
  reconnecting: () => t("Reconnecting"),
  stale: () => t("Stale since %(time)s", { time: clock(heardAt) }),
  paused: () => t("Paused"),
  out: () => t("Signed out: load the page again"),
};

const say = (next) => {
  if (next === state && next !== "stale") return;
  state = next;
  bar.dataset.state = next;
  const text = WORDS[next]();
  const place = bar.querySelector("[data-live-text]");
  if (place.textContent !== text) place.textContent = text;
};

const judge = () => {
  if (paused || state === "out" || document.hidden) return;
  if (Date.now() - heardAt > (pollTimer ? POLL_MS + STALE_MS : STALE_MS)) say("stale");
  else if (pollTimer) say("polling");
  else if (source?.readyState === EventSource.OPEN) say("live");
  else say("reconnecting");
};

// --- what is new

const counted = {};

const showNews = (kind, count) => {
  const place = document.querySelector(`[data-news="${kind}"]`);
  if (!place) return;
  counted[kind] = Math.min((counted[kind] ?? 0) + count, MANY);
  const number = counted[kind];
  let link = place.querySelector("a");
  if (!link) {
    link = document.createElement("a");
    link.className = "btn pill";
    const address = new URL(location.href);
    address.searchParams.delete("cursor");
    address.hash = "";
    link.href = address.pathname + address.search;
    place.append(link);
  }
  link.textContent = `${number}${number === MANY ? "+" : ""} ${number === 1 ? place.dataset.one : place.dataset.many}`;
};

// --- what moves by itself

const due = new Set();
let refreshTimer = 0;

const mayReplace = (part) =>
  !part.contains(document.activeElement) && !(part.matches(":hover") && part.querySelector("details[open]"));

const replace = (old, fresh) => {
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, place) => { one.open = open[place] ?? one.open; });
  old.replaceWith(document.adoptNode(fresh));
};

const shown = new Map(); // what the server last said of a part: a drawn chart differs from it and is still the same

const refresh = async () => {
  refreshTimer = 0;
  const kinds = new Set(due);
  due.clear();
  const wanted = [...document.querySelectorAll("[data-live-part]")].filter(
    (one) => one.dataset.liveOn.split(" ").some((kind) => kinds.has(kind)) && mayReplace(one));
  if (!wanted.length) return;
  try {
    const answer = await fetch(location.href, { headers: { "Kedai-Unattended": "1" }, cache: "no-store" });
    if (answer.redirected) return;
    if (!answer.ok) return again(kinds);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    let any = false;
    for (const old of wanted) {
      const name = old.dataset.livePart;
      const fresh = page.querySelector(`[data-live-part="${CSS.escape(name)}"]`);
      if (!fresh || !old.isConnected || !mayReplace(old) || shown.get(name) === fresh.outerHTML) continue;
      shown.set(name, fresh.outerHTML);
      replace(old, fresh);
      any = true;
    }
    if (any) document.dispatchEvent(new CustomEvent("kedai:changed"));
  } catch {
    again(kinds); // the state says that the server is away
  }
};

const again = (kinds) => {
  for (const kind of kinds) due.add(kind);
  refreshTimer = setTimeout(refresh, POLL_MS);
};

const want = (kind) => {
  due.add(kind);
  if (!refreshTimer) refreshTimer = setTimeout(refresh, REFRESH_MS);
};

// --- listening

const hear = (text) => {
  const told = JSON.parse(text);
  heardAt = Date.now();
  since = String(told.at);
  for (const [kind, count] of Object.entries(told.new)) {
    showNews(kind, count);
    want(kind);
  }
  if (told.changed) want("standing");
  judge();
};

const close = () => {
  source?.close();
  source = null;
  clearTimeout(pollTimer);
  pollTimer = 0;
};

const address = () => `${bar.dataset.live}?since=${since}`;

const listen = () => {
  close();
  if (paused || document.hidden) return;
  polls = 0;
  source = new EventSource(address());
  source.addEventListener("message", (event) => hear(event.data));
  source.addEventListener("open", judge);
  source.addEventListener("error", () => {
    judge();
    if (source?.readyState === EventSource.CLOSED) poll(); // refused: no stream can be had now
  });
};

const poll = async () => {
  close();
  if (paused || document.hidden) return;
  pollTimer = setTimeout(polls >= POLLS_BEFORE_RETRY ? listen : poll, POLL_MS);
  polls += 1;
  try {
    const answer = await fetch(address(), { headers: { "Kedai-Unattended": "1" }, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403 || answer.redirected) {
      close();
      say("out");
    } else if (answer.ok) hear(await answer.text());
  } catch {
    judge();
  }
};

// --- the one who looks

const pause = () => {
  paused = !paused;
  if (paused) sessionStorage.setItem(CHOICE, "paused");
  else sessionStorage.removeItem(CHOICE);
  showPause();
  if (paused) {
    close();
    say("paused");
  } else {
    heardAt = Date.now();
    listen();
    judge();
  }
};

const showPause = () => {
  const button = bar.querySelector("[data-live-pause]");
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? t("Resume") : t("Pause");
};

// Made here, since all of it does nothing without script.
const build = () => {
  const said = document.createElement("span");
  said.className = "live-state";
  said.setAttribute("aria-live", "polite");
  said.append(Object.assign(document.createElement("span"), { className: "live-text" }));
  said.firstChild.dataset.liveText = "";
  bar.append(said, button(t("Pause"), "livePause"), button(t("Shortcuts"), "keys"));
};

const button = (text, mark) => {
  const one = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: text });
  one.dataset.variant = "ghost";
  one.dataset[mark] = "";
  return one;
};

const begin = () => {
  build();
  showPause();
  if (paused) say("paused");
  else {
    say("reconnecting");
    listen();
  }
  bar.querySelector("[data-live-pause]").addEventListener("click", pause);
  setInterval(judge, LOOK_MS);
  setInterval(() => { if (!paused && !document.hidden) want("minute"); }, MINUTE_MS);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) hiddenTimer = setTimeout(close, HIDDEN_MS);
    else if (!source && !pollTimer) {
      heardAt = Date.now();
      listen();
    }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
};

if (bar && window.EventSource) begin();
