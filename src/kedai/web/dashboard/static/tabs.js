// The tabs of the environments, for who works by keyboard: one stop of the Tab key, arrows, Home and End move between
// them. Only Enter, Space or a click opens one, since each is a page to fetch. Without script they are plain links.
const OPENED = "kedai.tab"; // so that the next page begins where this one was left

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

const place = (key, now, count) => {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return key in STEPS ? (now + STEPS[key] + count) % count : null;
};

const name = (nav, list, panel, current) => {
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", nav.getAttribute("aria-label"));
  nav.removeAttribute("aria-label");
  nav.setAttribute("role", "none");
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", current.id);
};

const upgrade = (nav) => {
  const list = nav.querySelector("ul");
  const tabs = [...list.querySelectorAll("a")];
  const panel = document.getElementById(nav.dataset.tabs);
  const current = tabs.find((tab) => tab.hasAttribute("aria-current"));
  name(nav, list, panel, current);
  const reach = (wanted) => tabs.forEach((tab) => { tab.tabIndex = tab === wanted ? 0 : -1; });
  for (const tab of tabs) {
    tab.parentElement.setAttribute("role", "none");
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", tab === current);
    tab.setAttribute("aria-controls", panel.id);
  }
  reach(current);
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !tabs.includes(event.target)) return;
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      sessionStorage.setItem(OPENED, "yes");
      event.target.click();
      return;
    }
    const next = place(event.key, tabs.indexOf(event.target), tabs.length);
    if (next === null) return;
    event.preventDefault();
    reach(tabs[next]);
    tabs[next].focus();
  });
  list.addEventListener("focusout", (event) => { if (!list.contains(event.relatedTarget)) reach(current); });
  if (sessionStorage.getItem(OPENED)) current.focus();
  sessionStorage.removeItem(OPENED);
};

document.querySelectorAll("[data-tabs]").forEach(upgrade);
