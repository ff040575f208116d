// One picture and the answer to it.

import { byId, drawing, element } from "./dom.js";
import { kindOf, legend, named, shape, wordOf } from "./decisions.js";
import { heat } from "./heat.js";
import { scale } from "./scale.js";
import { converted } from "./station.js";
import { apart, clockTime, number, text, whenLanguageChanges } from "./texts.js";

/** Shows entries; `pictures` gives the picture of an entry, as a Blob, where this page sent it. */
export function resultPanel(station, pictures) {
  let shown = null;
  let url = null;

  function show(entry) {
    shown = entry;
    if (url !== null) URL.revokeObjectURL(url);
    url = null;
    if (entry === null) {
      byId("shown").replaceChildren(element("p", { class: "empty" }, text("empty")));
      return;
    }
    const kind = kindOf(entry);
    const answer = entry.picture ?? entry.field;
    const picture = figure(entry, answer);
    byId("shown").replaceChildren(
      element(
        "div",
        { class: `answer ${kind}` },
        picture,
        element(
          "div",
          { class: "words" },
          element("p", { class: "file" }, element("bdi", {}, entry.path)),
          element("p", { class: `verdict ${kind}` }, shape(kind), element("span", {}, wordOf(entry))),
          means(entry, kind, answer),
          isOwn(entry) ? null : element("p", { class: "means" }, text("otherModel", { model: answer?.model ?? "–" })),
          probability(entry, kind),
          reasons(entry, kind, answer),
          checks(entry),
          list(text("notes"), answer?.notes ?? []),
          evidence(entry),
          facts(entry, answer),
        ),
      ),
      ...cells(entry, picture),
    );
  }

  // The log also has answers of earlier models, whose labels and referral band this station does not know.
  const isOwn = (entry) => entry.artifact === station.artifact;

  function means(entry, kind, answer) {
    if (kind === "field") return legend(answer.counts);
    if (kind === "refuse" || kind === "error") return element("p", { class: "means" }, text(`${kind}Means`));
    if (!isOwn(entry)) return null;
    const [score, threshold] = apart(answer.score, answer.threshold);
    const labels = station.positive.join("” / “");
    return element("p", { class: "means" }, text(`${kind}Means`, { labels, score, threshold }));
  }

  function probability(entry, kind) {
    if (!entry.picture) return null;
    const calibrated = isOwn(entry) ? station.calibrated : null;
    const title = calibrated ? "probability" : calibrated === false ? "probabilityRaw" : "probabilityUnknown";
    return element(
      "div",
      { class: "probability" },
      element("p", { class: "label" }, text(title)),
      scale(entry.picture.score, entry.picture.threshold, isOwn(entry) ? station.refer : null, kind),
    );
  }

  function evidence(entry) {
    if (entry.picture === null || entry.picture.score === null || !isOwn(entry)) return null;
    const sent = pictureOf(entry);
    return sent || isWatched(entry) ? heat(entry, sent, station.positive) : null;
  }

  const pictureOf = (entry) => pictures.get(entry.seq) ?? pictures.get(entry) ?? null;
  const isWatched = (entry) => entry.folder !== null && entry.seq !== null && entry.error === null;

  function figure(entry, answer) {
    const image = element("img", { alt: text("pictureOf", { name: entry.path }) });
    const frame = element("div", { class: "frame" }, image);
    const sent = pictureOf(entry);
    const missing = () => frame.replaceChildren(element("p", { class: "empty" }, text("noPreview")));
    if (sent) {
      url = URL.createObjectURL(sent);
      image.src = url;
      image.addEventListener(
        "error",
        async () => {
          try {
            const made = await converted(entry.path, sent);
            if (shown !== entry) return;
            url = URL.createObjectURL(made);
            image.addEventListener("error", missing, { once: true });
            image.src = url;
          } catch {
            missing();
          }
        },
        { once: true },
      );
    } else if (isWatched(entry)) {
      image.src = `/api/pictures/${entry.seq}/preview`;
      image.addEventListener("error", missing, { once: true });
    } else {
      missing();
    }
    if (entry.field && entry.field.cells.length) frame.append(boxes(answer));
    return element("figure", {}, frame);
  }

  show(null);
  whenLanguageChanges(() => show(shown));
  return { show, showing: () => shown };
}

function reasons(entry, kind, answer) {
  if (entry.error !== null) return sentences("why", [entry.error]);
  const found = [...answer.quality.reasons, ...(answer.domain?.reasons ?? [])];
  if (!found.length) return null;
  return sentences(kind === "refuse" ? "why" : "doubts", found);
}

function sentences(title, found) {
  // They come from the station, in English whatever the page's language.
  const items = found.map((each) => element("li", { lang: "en" }, each));
  return element("div", { class: "reasons" }, element("p", { class: "label" }, text(title)), element("ul", {}, ...items));
}

function checks(entry) {
  if (!entry.picture) return null;
  const { quality, domain } = entry.picture;
  const line = (name, check) => {
    const state = check === null ? "unknown" : check.ok ? "good" : "bad";
    const words = state === "bad" ? check.reasons.join("; ") : text(state);
    return element(
      "div",
      { class: `check ${state}` },
      element("dt", {}, text(name)),
      element("dd", { lang: state === "bad" ? "en" : null }, words),
    );
  };
  if (!quality.ok || (domain && !domain.ok)) {
    const good = [quality.ok ? line("quality", quality) : null, domain?.ok ? line("domain", domain) : null];
    return good.some((each) => each) ? element("dl", { class: "checks" }, ...good) : null;
  }
  return element("dl", { class: "checks" }, line("quality", quality), line("domain", domain));
}

function list(title, lines) {
  if (!lines.length) return null;
  const items = lines.map((each) => element("li", { lang: "en" }, each));
  return element("div", { class: "notes" }, element("p", { class: "label" }, title), element("ul", {}, ...items));
}

function facts(entry, answer) {
  const lines = [];
  if (answer) lines.push(text("decidedIn", { ms: number(answer.ms, 0), time: clockTime(entry.time) }));
  if (entry.same_as !== null) lines.push(text("sameAs", { seq: entry.same_as }));
  if (entry.seq === null && entry.sha256 !== null) lines.push(text("notRecorded"));
  return element("p", { class: "facts" }, lines.join(" · "));
}

/** Boxes round the cells of a field, numbered as in the list below. */
function boxes(answer) {
  const [width, height] = answer.size;
  const unit = Math.max(width, height) / 100;
  const drawn = answer.cells.map((cell, index) => {
    const [left, top, right, bottom] = cell.box;
    return drawing(
      "g",
      { class: `box ${cell.decision}`, id: `box-${index + 1}` },
      ...["halo", "edge"].map((each) =>
        drawing("rect", { class: each, x: left, y: top, width: right - left, height: bottom - top, "vector-effect": "non-scaling-stroke" }),
      ),
      drawing("text", { x: left + unit / 2, y: top > 4 * unit ? top - unit / 2 : bottom + 3.5 * unit, "font-size": 3.5 * unit }, String(index + 1)),
    );
  });
  return drawing("svg", { viewBox: `0 0 ${width} ${height}`, class: "boxes", "aria-hidden": "true" }, ...drawn);
}

function cells(entry, picture) {
  if (!entry.field || !entry.field.cells.length) return [];
  const items = entry.field.cells.map((cell, index) => {
    const found = [...cell.quality.reasons, ...(cell.domain?.reasons ?? [])];
    const item = element(
      "li",
      {},
      element("span", { class: "number" }, text("cell", { number: index + 1 })),
      named(cell.decision),
      element("span", { class: "figure" }, cell.score === null ? "–" : apart(cell.score, entry.field.threshold)[0]),
      found.length ? element("span", { class: "because", lang: "en" }, found.join("; ")) : null,
    );
    const mark = (on) => picture.querySelector(`#box-${index + 1}`)?.classList.toggle("marked", on);
    item.addEventListener("pointerenter", () => mark(true));
    item.addEventListener("pointerleave", () => mark(false));
    return item;
  });
  return [element("h3", {}, text("cells")), element("ol", { class: "cells" }, ...items)];
}
