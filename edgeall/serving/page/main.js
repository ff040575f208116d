// Puts the page together.

import { camera } from "./camera.js";
import { wordOf } from "./decisions.js";
import { byId, element } from "./dom.js";
import { historyPanel } from "./history.js";
import { intake } from "./intake.js";
import { resultPanel } from "./result.js";
import { slidesPanel } from "./slides.js";
import { ask, follow } from "./station.js";
import { begin, text, whenLanguageChanges } from "./texts.js";

const SESSION = "edgeall.session";
const PICTURES = 500;

await begin();
const station = await ask("/api/station");

/** The session begins after this entry of the log. */
let after = Math.min(Number(sessionStorage.getItem(SESSION) ?? station.head), station.head);
let head = station.head;
sessionStorage.setItem(SESSION, after);

/** Pictures that this page sent, by their number in the log or, without one, by their entry. */
const pictures = new Map();
const result = resultPanel(station, pictures);
const history = historyPanel({ after: () => after, chosen: choose });
const slides = slidesPanel({ after: () => after });
const sender = intake(station, { decided, failed });
camera((name, picture) => sender.send([[name, picture]]));

function keep(key, picture) {
  pictures.set(key, picture);
  if (pictures.size > PICTURES) pictures.delete(pictures.keys().next().value);
}

function choose(entry) {
  result.show(entry);
  byId("result").focus();
}

/** This page sent a picture, and has the answer. */
function decided(entry, picture) {
  keep(entry.seq ?? entry, picture);
  result.show(entry);
  say(entry);
  if (entry.seq !== null) arrived(entry);
}

/** This page sent a file that cannot be read. */
function failed(name, picture, sentence) {
  const entry = { seq: null, time: new Date().toISOString(), path: name, folder: null, sha256: null, same_as: null };
  const shown = { ...entry, artifact: station.artifact, picture: null, field: null, error: sentence };
  keep(shown, picture);
  result.show(shown);
  say(shown);
}

/** The log has a new picture, of whichever client or folder. */
function arrived(entry) {
  head = Math.max(head, entry.seq);
  history.add(entry);
  slides.again();
}

function say(entry) {
  const because = entry.error ?? "";
  byId("said").textContent = `${text("said", { name: entry.path, decision: wordOf(entry) })} ${because}`;
}

follow(station.head, {
  decided: (entry) => {
    arrived(entry);
    if (entry.source === "watch" && byId("follow").checked) {
      result.show(entry);
      say(entry);
    }
  },
  notice: (line) => {
    byId("notice").hidden = line === null;
    byId("notice").textContent = line ?? "";
  },
  away: (isAway) => {
    const isBack = !isAway && !byId("offline").hidden;
    byId("offline").hidden = !isAway;
    if (isBack) lookAgain();
  },
});

/** What came back may be another model, or have other settings. The page stays: it may have pictures still to send. */
async function lookAgain() {
  Object.assign(station, await ask("/api/station"));
  describe();
  result.show(result.showing());
}

byId("new-session").addEventListener("click", async () => {
  after = head = (await ask("/api/station")).head;
  sessionStorage.setItem(SESSION, after);
  byId("span").value = "session";
  result.show(null);
  await Promise.all([history.load(), slides.load()]);
});

function describe() {
  document.title = `edgeall · ${station.model}`;
  byId("model").textContent = station.model;
  byId("watched").hidden = station.watched === null;
  byId("watched-folder").textContent = text("watching", { folder: station.watched });
  byId("privacy").textContent = text(station.keeps_pictures ? "kept" : "notKept");
  byId("caveats").hidden = station.caveats.length === 0;
  byId("caveats").replaceChildren(...station.caveats.map((line) => element("li", { lang: "en" }, line)));
  const facts = [
    ["modelFile", station.model],
    ["labels", station.positive.join(", ")],
    ["tested", station.tested || text("notTested")],
    ["engine", `${station.engine}, ${station.precision}`],
    ["artifact", station.artifact],
    ["version", station.version],
  ];
  byId("facts").replaceChildren(
    ...facts.map(([name, value]) => element("div", {}, element("dt", {}, text(name)), element("dd", {}, value))),
  );
}

describe();
whenLanguageChanges(describe);
await Promise.all([history.load(), slides.load()]);
document.body.dataset.ready = "true";
