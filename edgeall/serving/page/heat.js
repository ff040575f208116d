// The map of what an answer rests on, when it is asked for.

import { element } from "./dom.js";
import { explained } from "./station.js";
import { number, text } from "./texts.js";

/** A button, and the map in its place; `picture` is null for one in the watched folder. */
export function heat(entry, picture, positive) {
  const place = element("div", { class: "heat" });
  const button = element("button", { type: "button" }, text("heat"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = text("heatBusy");
    try {
      const found = await explained(entry, picture);
      place.replaceChildren(...(found.map === null ? [doubts(found)] : map(entry, found, positive)));
      place.tabIndex = -1;
      place.focus();
    } catch (error) {
      place.replaceChildren(element("p", { class: "problem", role: "alert", lang: "en" }, error.message));
    }
  });
  place.append(button);
  return place;
}

function map(entry, found, positive) {
  const bytes = Uint8Array.from(atob(found.map), (letter) => letter.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  const image = element("img", { src: url, alt: text("heatOf", { name: entry.path }), width: 480, height: 480 });
  image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
  const labels = positive.join("” / “");
  const legend = (kind, key) =>
    element("span", {}, element("span", { class: `patch ${kind}`, "aria-hidden": "true" }), text(key, { labels }));
  const figures = { marked: number(found.marked), random: number(found.random) };
  return [
    element("h3", {}, text("heatTitle")),
    found.holds ? "" : doubts(found),
    element("figure", { class: found.holds ? "" : "crossed" }, image),
    element("p", { class: "legend" }, legend("for", "heatFor"), legend("against", "heatAgainst")),
    element("p", { class: "small" }, text("heatFigures", figures)),
  ];
}

function doubts(found) {
  const lines = found.against.map((line) => element("li", { lang: "en" }, line));
  return element("div", { class: "doubts" }, element("p", {}, text("notExplanation")), element("ul", {}, ...lines));
}
