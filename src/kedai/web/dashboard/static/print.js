// The button that opens the browser's own print window; without script it is not shown, and one prints as ever.

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
