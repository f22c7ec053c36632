// What is typed into the field of a secret can be looked at while it is being typed, and no longer: what is stored is
// never in the page. Without script the field stays covered.
import { t } from "./words.js";

const offer = (field) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn";
  button.dataset.variant = "outline";
  button.textContent = t("Show what is typed");
  const show = (is) => {
    field.type = is ? "text" : "password";
    button.setAttribute("aria-pressed", is);
  };
  const look = () => {
    button.hidden = field.value === "";
    if (button.hidden) show(false);
  };
  button.addEventListener("click", () => show(field.type === "password"));
  field.addEventListener("input", look);
  field.form.addEventListener("submit", () => show(false));
  addEventListener("pagehide", () => show(false));
  field.after(button);
  show(false);
  look();
};

document.querySelectorAll("input[data-secret]").forEach(offer);
