// Passkeys: asks for what is to be signed, has the browser make or use a passkey, and sends its answer with the form.
// Without script, or in a browser that knows no passkeys, these forms stay hidden and the password works as ever.
"use strict";

(() => {
  const fromText = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const toText = (bytes) =>
    btoa(Array.from(new Uint8Array(bytes), (one) => String.fromCharCode(one)).join(""))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const described = (list) => (list || []).map((one) => ({ ...one, id: fromText(one.id) }));

  const deeds = {
    create: (options) => navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: fromText(options.challenge),
        user: { ...options.user, id: fromText(options.user.id) },
        excludeCredentials: described(options.excludeCredentials),
      },
    }),
    get: (options) => navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: fromText(options.challenge),
        allowCredentials: described(options.allowCredentials),
      },
    }),
  };

  const written = (credential) => {
    const answer = credential.response;
    const response = { clientDataJSON: toText(answer.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (answer[name]) response[name] = toText(answer[name]);
    }
    if (answer.getTransports) response.transports = answer.getTransports();
    return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });
  };

  const said = JSON.parse(document.documentElement.dataset.words || "{}"); // as words.js, which only modules can take
  const t = (text) => said[text] ?? text;

  const words = (error) => {
    if (error.name === "InvalidStateError") return t("This device holds a passkey for this account already.");
    if (error.name === "NotAllowedError") return t("Nothing was done: it was cancelled, or took too long.");
    return t("This did not work. Load the page again, wait a minute, or use your password.");
  };

  const send = async (form, problem) => {
    const asked = await fetch(form.dataset.options, { method: "POST" });
    if (asked.redirected) {
      location.assign(asked.url); // signed out meanwhile, or to prove first who one is
      return;
    }
    if (asked.status === 429) {
      problem(t("Too many tries from your network: wait a minute, then try again."));
      return;
    }
    if (!asked.ok) throw new Error(`answered ${asked.status}`);
    form.elements.credential.value = written(await deeds[form.dataset.passkey](await asked.json()));
    form.submit();
  };

  if (!window.PublicKeyCredential) return;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const told = form.querySelector("[role=alert]");
    const button = form.querySelector("button");
    const problem = (text) => {
      told.hidden = text === "";
      told.textContent = text;
      button.disabled = false;
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      problem("");
      button.disabled = true;
      send(form, problem).catch((error) => problem(words(error)));
    });
    form.hidden = false;
  }
  for (const one of document.querySelectorAll("[data-without-passkeys]")) one.hidden = true;
})();
