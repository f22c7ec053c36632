// Go anywhere by typing: Ctrl K, on a Mac ⌘ K. The page holds the list already, as links; here it is opened, narrowed and
// walked through (WAI-ARIA's combobox with a listbox: the focus stays in the field). Nothing is ever done from here, it
// only leads to pages. The keys hold a modifier, so that the switch for single letters does not concern them.

const dialog = document.getElementById("palette");
const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);

const begin = () => {
  const field = dialog.querySelector("input");
  const options = [...dialog.querySelectorAll("[role=option]")];
  const found = options.find((one) => "search" in one.dataset); // what is typed may be the name of something, too
  const texts = new Map(options.map((one) => [one, one.textContent.toLowerCase()]));
  const shown = () => options.filter((one) => one.ariaHidden !== "true");
  let active = null;

  const choose = (option) => {
    active?.classList.remove("active");
    active?.removeAttribute("aria-selected");
    active = option;
    active.classList.add("active");
    active.setAttribute("aria-selected", "true");
    active.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", active.id);
  };

  const narrow = () => {
    const typed = field.value.trim();
    const words = typed.toLowerCase().split(/\s+/);
    for (const one of options) one.ariaHidden = String(!words.every((word) => texts.get(one).includes(word)));
    found.ariaHidden = String(!typed);
    found.querySelector("bdi").textContent = typed;
    const address = new URL(found.href);
    address.searchParams.set("q", typed);
    found.href = address.pathname + address.search;
    choose(shown()[0]); // with nothing typed every page is there, with anything typed the search
  };

  const walk = (by) => {
    const all = shown();
    choose(all.at((all.indexOf(active) + by) % all.length));
  };

  const open = () => {
    field.value = "";
    dialog.showModal();
    narrow();
  };

  const keys = { ArrowDown: () => walk(1), ArrowUp: () => walk(-1), Enter: () => active.click() };

  options.forEach((one, index) => { one.id = `palette-option-${index}`; });
  field.addEventListener("input", narrow);
  field.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.isComposing) return;
    event.preventDefault();
    keys[event.key]();
  });
  dialog.addEventListener("pointermove", (event) => {
    const under = event.target.closest("[role=option]");
    if (under && under !== active) choose(under);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  dialog.addEventListener("close", () => field.blur()); // where nothing had the focus before, it would stay here
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) open();
  });
  document.addEventListener("keydown", (event) => {
    const asked = (isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey) && !event.altKey && !event.shiftKey;
    if (!asked || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else if (!document.querySelector("dialog[open]")) open();
  });
};

if (isMac) document.querySelectorAll("[data-palette] kbd").forEach((one) => { one.textContent = "⌘ K"; });
if (dialog) begin();
