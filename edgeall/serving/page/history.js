// Pictures in the log: those of the session, or all; searched, and as CSV.

import { byId, element, soon } from "./dom.js";
import { DECISIONS, kindOf, named, wordOf } from "./decisions.js";
import { address, ask } from "./station.js";
import { apart, clockTime, text, whenLanguageChanges } from "./texts.js";

const COUNT = 100;

/** The list; `chosen` is called with an entry that is chosen, `after` gives the session's first number. */
export function historyPanel({ after, chosen }) {
  let entries = [];
  let more = false;

  const asked = () => ({
    after: byId("span").value === "session" ? after() : 0,
    text: byId("text").value.trim(),
    decision: byId("decision").value,
  });
  const isFiltered = () => asked().text !== "" || asked().decision !== "";

  async function load(before = null) {
    const found = await ask("/api/history", { ...asked(), before, count: COUNT });
    entries = before === null ? found.entries : [...entries, ...found.entries];
    more = found.more;
    draw();
  }

  function draw() {
    byId("entries").replaceChildren(...entries.map(row));
    byId("more").hidden = !more;
    const count = entries.length;
    byId("counts").textContent = count === 0 ? text("none") : text(more ? "countMore" : "count", { count });
    byId("csv").href = address("/api/history.csv", asked());
  }

  function row(entry) {
    const kind = kindOf(entry);
    const score = entry.picture?.score ?? null;
    const figure = score === null ? "–" : apart(score, entry.picture.threshold)[0];
    const button = element(
      "button",
      { type: "button", class: "entry" },
      named(kind, wordOf(entry)),
      element("span", { class: "path" }, element("bdi", {}, entry.path)),
      element("span", { class: "figure" }, figure),
      element("span", { class: "time" }, clockTime(entry.time)),
    );
    button.addEventListener("click", () => chosen(entry));
    return element("li", {}, button);
  }

  const again = soon(() => load().catch(() => {}), 250);

  function add(entry) {
    // The log may tell of an earlier picture after a new session has begun.
    if (entry.seq <= asked().after || entries.some((each) => each.seq === entry.seq)) return;
    if (isFiltered()) {
      again();
      return;
    }
    entries = [entry, ...entries].sort((one, other) => other.seq - one.seq);
    draw();
  }

  function options() {
    const kept = byId("decision").value;
    byId("decision").replaceChildren(
      element("option", { value: "" }, text("all")),
      ...DECISIONS.map((each) => element("option", { value: each }, text(each))),
    );
    byId("decision").value = kept;
    draw();
  }

  options();
  whenLanguageChanges(options);
  byId("text").addEventListener("input", again);
  byId("decision").addEventListener("change", again);
  byId("span").addEventListener("change", again);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", () => load(entries.at(-1).seq));
  return { load, add };
}
