// Forms: sent once, kept when they cannot be sent, and not left by mistake with something typed in them.
// Where it is not sure that the server is there and knows who one is, it is asked first: a browser would show its own
// page of an error instead, and what was typed would be gone.
import { t } from "./words.js";

const ASK_SECONDS = 8;
const UNDER_WAY_MS = 20_000; // an answer that is a file leaves the page as it is
const sending = new WeakSet();
const changed = new Set();

const isSure = () => navigator.onLine && document.querySelector("[data-live][data-state=live]") !== null;
const isPost = (form) => form.method === "post";
const typed = "input:not([type=hidden], [type=submit], [readonly]), textarea, select";

const tell = (form, text) => {
  let place = form.querySelector("[data-form-trouble]");
  if (!place) {
    place = document.createElement("p");
    place.dataset.formTrouble = "";
    place.className = "field-error";
    place.setAttribute("role", "alert");
    form.append(place);
  }
  place.textContent = text;
};

const busy = (form, is) => {
  form.toggleAttribute("aria-busy", is);
  if (is) form.setAttribute("aria-busy", "true");
  for (const one of form.elements) {
    if (one.type === "submit" && (is ? !one.disabled : one.dataset.wasOn)) {
      one.disabled = is;
      if (is) one.dataset.wasOn = "yes"; else delete one.dataset.wasOn;
    }
  }
};

const release = (form) => {
  sending.delete(form);
  delete form.dataset.sent;
  busy(form, false);
};

const trouble = async () => {
  try {
    const here = document.body.dataset.env;
    const answer = await fetch(`/e/${here}/live`, {
      headers: { "Kedai-Unattended": "1" }, signal: AbortSignal.timeout(ASK_SECONDS * 1000), cache: "no-store",
    });
    if (answer.status === 401 || answer.redirected) {
      return t("You were signed out meanwhile. What you typed is still here: sign in on another tab, then send it again.");
    }
    return null; // whatever else is wrong, the server says it better itself
  } catch {
    return t("Kedai cannot be reached. What you typed is still here: send it again once the connection is back.");
  }
};

const send = async (form, submitter) => {
  busy(form, true);
  const why = await trouble();
  if (why) {
    busy(form, false);
    tell(form, why);
    return;
  }
  busy(form, false); // a button that is disabled would not send its own value
  sending.add(form);
  form.requestSubmit(submitter);
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-passkey]")) {
    changed.delete(form); // its own script asks the browser for the passkey, and sends it
    return;
  }
  if (event.defaultPrevented || !isPost(form)) return;
  if (form.hasAttribute("aria-busy")) {
    event.preventDefault();
    return;
  }
  if (sending.has(form) || isSure()) {
    if (form.dataset.sent) {
      event.preventDefault(); // it is under way already
      return;
    }
    form.dataset.sent = "yes";
    changed.delete(form);
    setTimeout(() => busy(form, true)); // after the browser has taken what is to be sent
    setTimeout(() => release(form), UNDER_WAY_MS);
    return;
  }
  event.preventDefault();
  form.querySelector("[data-form-trouble]")?.remove();
  send(form, event.submitter);
});

// A form that asks for a word can be sent once it stands there; the server looks again, and alone where no script runs.
const awaitWord = (field) => {
  for (const one of field.form.querySelectorAll("[type=submit]")) one.disabled = field.value.trim() !== field.dataset.word;
};
document.querySelectorAll("[data-word]").forEach(awaitWord);

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-word]")) awaitWord(event.target);
  const form = event.target.form;
  if (form && isPost(form) && event.target.matches(typed)) changed.add(form);
});
document.addEventListener("reset", (event) => changed.delete(event.target));

addEventListener("beforeunload", (event) => {
  if ([...changed].some((form) => form.isConnected)) event.preventDefault();
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) release(form);
  document.querySelectorAll("[data-word]").forEach(awaitWord);
});
