// Decisions: their words, shapes and order. A shape and a word always stand beside a colour.

import { drawing, element } from "./dom.js";
import { text } from "./texts.js";

export const DECISIONS = ["positive", "negative", "refer", "refuse", "error"];

const SHAPES = {
  positive: ["M12 2 23 21H1Z", "M12 9v7M8.5 12.5h7"],
  negative: ["M12 1.5a10.5 10.5 0 1 1 0 21 10.5 10.5 0 0 1 0-21Z", "M7.5 12h9"],
  refer: ["M12 1 23 12 12 23 1 12Z", "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.8-1.1 1.8M12 16.2v.4"],
  refuse: ["M8 1.5h8l6.5 6.5v8L16 22.5H8L1.5 16V8Z", "M7.5 16.5l9-9"],
  error: ["M2 2h20v20H2Z", "M12 6.5v7M12 17v.4"],
  field: ["M2 5h20v14H2Z", "M6 12h3M11 9h3M15 14h3"],
};

/** The kind of an entry: its decision, "error", or "field" where the cells have a decision each. */
export function kindOf(entry) {
  if (entry.error !== null) return "error";
  return (entry.picture ?? entry.field).decision ?? "field";
}

/** The shape of a kind, which the word beside it tells to those who do not see it. */
export function shape(kind) {
  const [outline, sign] = SHAPES[kind];
  return drawing(
    "svg",
    { viewBox: "0 0 24 24", class: `shape ${kind}`, "aria-hidden": "true", focusable: "false" },
    drawing("path", { d: outline, class: "ground" }),
    drawing("path", { d: sign, class: "sign" }),
  );
}

/** An entry's decision in words: of a field, how many cells it has. */
export function wordOf(entry) {
  const kind = kindOf(entry);
  if (kind !== "field") return text(kind);
  const count = entry.field.cells.length;
  return count ? text("fieldMeans", { count }) : text("noCells");
}

/** A kind's shape and a word. */
export function named(kind, word = text(kind)) {
  return element("span", { class: `decision ${kind}` }, shape(kind), element("span", {}, word));
}

/** Counts by decision: shapes, numbers and words, without those that are 0. */
export function legend(counts) {
  const present = DECISIONS.filter((each) => counts[each]);
  const parts = present.map((each) => element("span", {}, shape(each), ` ${counts[each]} ${text(each)}`));
  return element("p", { class: "legend" }, ...parts);
}
