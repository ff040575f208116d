// Takes pictures in: chosen, dropped, or from the camera; sends them two at a time.

import { byId, element } from "./dom.js";
import { decide, Refused } from "./station.js";
import { text } from "./texts.js";

const AT_ONCE = 2;
const PICTURE = /\.(jpe?g|jpe|jfif|png|apng|bmp|dib|tiff?|webp|avif|jp2|j2k|j2c|jpc|jpf|jpx)$/i;

/** `decided` is called with the answer to each picture, `failed` with each one that gets none. */
export function intake(station, { decided, failed }) {
  let waiting = [];
  let all = 0;
  let done = 0;
  let running = 0;
  let stopper = new AbortController();

  /** Send pictures: [name, File] each. */
  function send(pictures) {
    for (const [name, picture] of pictures) {
      if (picture.size > station.upload_bytes) {
        problem(`${name}: ${text("tooLarge", { mib: station.upload_bytes >> 20 })}`);
      } else {
        waiting.push([name, picture]);
        all += 1;
      }
    }
    draw();
    while (running < AT_ONCE && waiting.length) {
      running += 1;
      work();
    }
  }

  async function work() {
    while (waiting.length) {
      const [name, picture] = waiting.shift();
      try {
        decided(await decide(name, picture, stopper.signal), picture);
      } catch (error) {
        if (error.name !== "AbortError") {
          if (error instanceof Refused && error.status === 422) failed(name, picture, error.message);
          else problem(`${name}: ${error.message}`);
        }
      }
      done += 1;
      draw();
    }
    running -= 1;
    if (!running) {
      all = done = 0;
      draw();
    }
  }

  function draw() {
    byId("sending").hidden = all === 0;
    byId("bar").max = Math.max(1, all);
    byId("bar").value = done;
    byId("sent").textContent = text("sent", { done, all });
  }

  function problem(line) {
    byId("problems").hidden = false;
    byId("problems").prepend(element("li", {}, line));
    while (byId("problems").childElementCount > 20) byId("problems").lastChild.remove();
  }

  function chosen(files) {
    byId("problems").replaceChildren();
    byId("problems").hidden = true;
    const named = files.map((file) => [file.webkitRelativePath || file.name, file]);
    const inFolders = named.length > 1 || named.some(([name]) => name.includes("/"));
    // Files beside the pictures of a folder are no mistake; a single file is sent as it is, for its error.
    const pictures = inFolders ? named.filter(([name]) => PICTURE.test(name) && !/(^|\/)\./.test(name)) : named;
    if (pictures.length < named.length) problem(text("notPicture", { count: named.length - pictures.length }));
    send(pictures);
  }

  for (const id of ["files", "folder"]) {
    byId(id).addEventListener("change", () => {
      chosen(Array.from(byId(id).files));
      byId(id).value = "";
    });
  }
  byId("choose").addEventListener("click", () => byId("files").click());
  byId("choose-folder").addEventListener("click", () => byId("folder").click());
  byId("stop").addEventListener("click", () => {
    waiting = [];
    stopper.abort();
    stopper = new AbortController();
  });

  const drop = byId("drop");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.classList.remove("over");
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    chosen(await dropped(event.dataTransfer));
  });
  return { send };
}

/** The files that were dropped, and those below dropped folders. */
async function dropped(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter((entry) => entry);
  if (!entries.length) return Array.from(transfer.files);
  const found = [];
  for (const entry of entries) await below(entry, found);
  return found;
}

async function below(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    const path = entry.fullPath.replace(/^\//, "");
    // A property of its own hides the one that is empty for dropped files.
    Object.defineProperty(file, "webkitRelativePath", { value: path.includes("/") ? path : "" });
    found.push(file);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await below(each, found);
  }
}
