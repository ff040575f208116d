// Counts by slide (folder) or person, with intervals.

import { byId, element, soon } from "./dom.js";
import { DECISIONS, legend } from "./decisions.js";
import { ask } from "./station.js";
import { percent, text, whenLanguageChanges } from "./texts.js";

export function slidesPanel({ after }) {
  let groups = [];

  async function load() {
    groups = (await ask("/api/summary", { after: after(), by: byId("by").value })).groups;
    draw();
  }

  function draw() {
    if (groups.length) byId("groups").replaceChildren(...groups.map(card));
    else byId("groups").replaceChildren(element("li", { class: "empty" }, text("noGroups")));
  }

  function card(group) {
    const counts = { ...group.counts, error: group.counts.unreadable };
    const present = DECISIONS.filter((each) => counts[each]);
    const total = present.reduce((sum, each) => sum + counts[each], 0);
    const bar = element("div", { class: "stack", "aria-hidden": "true" });
    for (const each of present) {
      const part = element("div", { class: `part ${each}` });
      part.style.width = `${(counts[each] / total) * 100}%`;
      bar.append(part);
    }
    const { positive_share: share } = group;
    const figures = share
      ? text("share", { value: percent(share.value), low: percent(share.low), high: percent(share.high) })
      : text("noShare");
    return element(
      "li",
      {},
      element("p", { class: "name" }, element("bdi", {}, title(group))),
      bar,
      legend(counts),
      element("p", { class: "share" }, figures, share ? interval(share) : null),
      element(
        "p",
        { class: "whole" },
        text("group", { decision: text(group.decision) }),
        group.why ? element("span", { lang: "en" }, ` (${group.why})`) : null,
      ),
    );
  }

  function title(group) {
    if (group.by === "subject") return group.group ?? text("noPerson");
    return group.group === "." ? text("noFolder") : group.group;
  }

  byId("by").addEventListener("change", () => load());
  whenLanguageChanges(draw);
  draw();
  return { load, again: soon(() => load().catch(() => {}), 600) };
}

/** The interval as a line on a scale from 0 to 100 %. */
function interval(share) {
  const line = element("span", { class: "range" });
  line.style.left = `${share.low * 100}%`;
  line.style.width = `${(share.high - share.low) * 100}%`;
  const dot = element("span", { class: "point" });
  dot.style.left = `${share.value * 100}%`;
  return element("span", { class: "interval", "aria-hidden": "true" }, line, dot);
}
