// The words of the scripts, in the language of the page: the server gives a dictionary where it is not English.

const words = JSON.parse(document.documentElement.dataset.words || "{}");

export const t = (text, values = {}) => (words[text] ?? text).replace(/%\((\w+)\)s/g, (_, name) => values[name]);
