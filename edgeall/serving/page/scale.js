// The probability on a scale from 0 to 1, with the threshold and the referral band.

import { element } from "./dom.js";
import { apart, number, text } from "./texts.js";

/** The scale; `score` is null where there is none. */
export function scale(score, threshold, band, kind) {
  const [shownScore, shownThreshold] = score === null ? ["", number(threshold)] : apart(score, threshold);
  let label = text(score === null ? "scaleEmpty" : "scale", { score: shownScore, threshold: shownThreshold });
  if (band) label += text("scaleBand", { low: number(band[0]), high: number(band[1]) });
  const track = element("div", { class: "track" });
  const positiveSide = element("div", { class: "side" });
  positiveSide.style.left = place(threshold);
  track.append(positiveSide);
  if (band) {
    const between = element("div", { class: "between" });
    between.style.left = place(band[0]);
    between.style.width = place(band[1] - band[0]);
    track.append(between);
  }
  const tick = element("div", { class: "tick" });
  tick.style.left = place(threshold);
  track.append(tick);
  if (score !== null) {
    const mark = element("div", { class: `mark ${kind}` });
    mark.style.left = place(score);
    track.append(mark);
  }
  const below = element("div", { class: "ends" }, element("span", {}, number(0, 0)), element("span", {}, number(1, 0)));
  const name = element("div", { class: "name" }, text("threshold", { threshold: shownThreshold }));
  name.style.left = `clamp(3.75rem, ${place(threshold)}, calc(100% - 3.75rem))`;
  below.append(name);
  const drawn = element("div", { class: "scale", role: "img", "aria-label": label }, track, below);
  if (!band) return drawn;
  const key = element("p", { class: "key" }, element("span", { class: "swatch", "aria-hidden": "true" }));
  key.append(`${text("band")}: ${number(band[0])}–${number(band[1])}`);
  return element("div", {}, drawn, key);
}

const place = (value) => `${Math.min(1, Math.max(0, value)) * 100}%`;
