// Buttons that copy an id or an address, and say that they did. Without script they are not shown.
import { announce } from "./announce.js";
import { t } from "./words.js";

document.documentElement.classList.add("scripted");

// Browsers give the clipboard to pages over https and on this machine only; elsewhere the older way works.
const copyOldWay = (text) => {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "sr";
  field.readOnly = true;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
};

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
};

// Of many lines the first is enough to know them by.
const told = (text) => text.replace(/\n[^]*/, " …");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-below]");
  if (!button) return;
  const { copy: short, copyBelow: label } = button.dataset; // what is long is not there twice
  const done = await copy(short ?? button.nextElementSibling.textContent);
  button.focus();
  announce(done ? t("Copied %(text)s", { text: told(short ?? label) }) : t("This browser does not let pages copy: select the text instead."));
});
