// Says something aloud for who cannot see it, and shows it for a moment to everybody else.

const SHOWN_MS = 2500;
let place = null;
let timer = 0;

export const announce = (text) => {
  if (!place) {
    place = document.createElement("div");
    place.className = "announcer";
    place.setAttribute("aria-live", "polite");
    document.body.append(place);
  }
  clearTimeout(timer);
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; }); // the same words twice are said twice
  timer = setTimeout(() => { place.textContent = ""; }, SHOWN_MS);
};
