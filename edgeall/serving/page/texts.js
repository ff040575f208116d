// The page's texts in the reader's language.

import { byId, element } from "./dom.js";

const LANGUAGES = { en: "English", hi: "हिन्दी" };
const KEPT = "edgeall.language";

let texts = {};
let language = "en";
const listeners = [];

/** A text, with values for its {names}; that of "keyOne" for a count of 1, where there is one. */
export function text(key, values = {}) {
  const one = values.count === 1 ? texts[`${key}One`] : undefined;
  return (one ?? texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Calls back after each change of language. */
export function whenLanguageChanges(action) {
  listeners.push(action);
}

export const number = (value, digits = 2) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

export const percent = (value) => new Intl.NumberFormat(language, { style: "percent" }).format(value);

export const clockTime = (stamp) =>
  new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(stamp));

/** Two figures with as many digits as tell them apart. */
export function apart(one, other) {
  let digits = 2;
  while (digits < 6 && one !== other && one.toFixed(digits) === other.toFixed(digits)) digits += 1;
  return [number(one, digits), number(other, digits)];
}

export async function begin() {
  const known = Object.keys(LANGUAGES);
  const select = byId("language");
  select.replaceChildren(
    ...Object.entries(LANGUAGES).map(([code, name]) => element("option", { value: code, lang: code }, name)),
  );
  select.addEventListener("change", () => change(select.value));
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages.map((each) => each.split("-")[0])];
  await change(wanted.find((each) => known.includes(each)) ?? "en");
}

async function change(code) {
  const answer = await fetch(`/static/texts/${code}.json`);
  texts = await answer.json();
  language = code;
  localStorage.setItem(KEPT, code);
  document.documentElement.lang = code;
  byId("language").value = code;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = text(each.dataset.text);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", text(each.dataset.label));
  byId("unreviewed").hidden = !texts.unreviewed;
  byId("unreviewed").textContent = texts.unreviewed;
  for (const action of listeners) action();
}
