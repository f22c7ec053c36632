// Makes what the browser gets from node_modules into the folder named as the argument. Run by build.py, which keeps node_modules right.
//
// Tailwind is used as a library, without its scanner and command: that would need a compiled program for each system.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "tailwindcss";

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, "node_modules");
const STYLE = "nova"; // the library's compact style

// the parts that pages use; /settings/components shows each
const PARTS = [
  "alert", "badge", "button", "card", "checkbox", "command", "dialog", "dropdown-menu", "empty", "field", "input", "kbd", "label",
  "native-select", "popover", "progress", "radio", "skeleton", "table", "textarea", "toast",
];
// what selectors of those parts begin with
const CLASSES = new Set([...PARTS, "btn", "select", "fieldset", "toaster", "table-container", "command-dialog"]);
const COPIED = {
  "uPlot.min.js": "uplot/dist/uPlot.iife.min.js",
  "uPlot.min.css": "uplot/dist/uPlot.min.css",
};
const LICENSES = {
  "basecoat-css": "LICENSE.md", "tailwindcss": "LICENSE", "uplot": "LICENSE",
};

const main = async (target) => {
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "basecoat.css"), tightened(await styles()));
  for (const [name, source] of Object.entries(COPIED)) copyFileSync(join(MODULES, source), join(target, name));
  writeFileSync(join(target, "LICENSES.txt"), licenses());
};

const styles = async () => {
  const parts = PARTS.map((one) => `@import "basecoat-css/components/${one}.css";`);
  const entry = readFileSync(join(HERE, "basecoat.css"), "utf8");
  const source = [...parts, `@import "basecoat-css/styles/${STYLE}.css";`].join("\n");
  const { build } = await compile(`${entry.replace("@custom-variant", `${source}\n@custom-variant`)}`, {
    base: HERE,
    loadStylesheet: async (id, base) => {
      const path = found(id, base);
      const content = readFileSync(path, "utf8");
      return { path, base: dirname(path), content: listed(id.includes("/styles/") ? chosen(content) : content) };
    },
  });
  return build([]);
};

const found = (id, base) => {
  if (id.startsWith("tailwindcss/")) return join(MODULES, id);
  if (id.startsWith("basecoat-css/")) return join(MODULES, "basecoat-css/dist", id.slice("basecoat-css/".length));
  return resolve(base, id);
};

// A style of the library is one file about all its parts: keep the rules of ours.
const chosen = (css) => {
  const body = css.replaceAll(/\/\*[^]*?\*\//g, "");
  return body.replaceAll(/^ {2}(\S[^{}]*)\{[^]*?^ {2}\}$/gm, (rule, selectors) =>
    (selectors.match(/\.[a-z-]+/g) ?? []).some((one) => CLASSES.has(one.slice(1))) ? rule : "");
};

// The library's command is a field with a menu. Ours is a combobox with a listbox, WAI-ARIA's pattern for typing and choosing:
// the same parts by other roles. A listbox may hold no heading, so that a group's label is a plain text.
const listed = (css) => css.replaceAll(/^ *\.command\b[^{}]*\{/gm, (selectors) =>
  selectors.replaceAll("role='menu'", "role='listbox'").replaceAll("role='menuitem'", "role='option'").replaceAll("role='heading'", "data-heading"));

// comments and indentation go; what stands inside a line stays as it is
const tightened = (css) => css.replaceAll(/\/\*[^]*?\*\//g, "").split("\n").map((one) => one.trim()).filter(Boolean).join("\n");

const licenses = () => Object.entries(LICENSES).map(([name, file]) => {
  const { version } = JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8"));
  return `${name} ${version}\n\n${readFileSync(join(MODULES, name, file), "utf8").trim()}\n`;
}).join(`\n${"-".repeat(80)}\n\n`);

await main(resolve(process.argv[2]));
