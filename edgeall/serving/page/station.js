// The station's API.

const TRIES = 8;
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** A request was refused; the message is the station's sentence. */
export class Refused extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

/** The JSON of a path; null values are left out of its parameters. */
export async function ask(path, parameters = {}) {
  return (await answered(() => fetch(address(path, parameters)))).json();
}

export function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** The decision on a picture (a File or Blob). */
export async function decide(name, picture, signal) {
  const post = () => fetch(address("/api/pictures", { name }), { method: "POST", body: picture, signal });
  return (await answered(post)).json();
}

/** A picture as a JPEG, where the browser itself cannot show its format. */
export async function converted(name, picture) {
  const post = () => fetch(address("/api/previews", { name }), { method: "POST", body: picture });
  return (await answered(post)).blob();
}

/** The map of what an answer rests on: of a picture that this page has, or of one in the watched folder. */
export async function explained(entry, picture) {
  const request = picture
    ? () => fetch(address("/api/explanations", { name: entry.path }), { method: "POST", body: picture })
    : () => fetch(`/api/pictures/${entry.seq}/explanation`);
  return (await answered(request)).json();
}

/** The answer to a request, which is made again when the station is busy or away. */
async function answered(request) {
  for (let tries = 1; ; tries += 1) {
    let answer;
    try {
      answer = await request();
    } catch (error) {
      if (error.name === "AbortError" || tries >= TRIES) throw error;
      await sleep(Math.min(8, tries));
      continue;
    }
    if (answer.ok) return answer;
    if ((answer.status === 429 || answer.status === 503) && tries < TRIES) {
      await sleep(Number(answer.headers.get("Retry-After") ?? 1) + Math.random());
      continue;
    }
    const sentence = await answer.json().then((body) => body.error, () => answer.statusText);
    throw new Refused(sentence, answer.status);
  }
}

/** Follow the log: calls `decided` with each picture, `notice` with notices, `away` with whether it does not answer. */
export function follow(after, { decided, notice, away }) {
  const source = new EventSource(address("/api/live", { after }));
  source.addEventListener("decided", (event) => decided(JSON.parse(event.data)));
  source.addEventListener("notice", (event) => notice(JSON.parse(event.data).text));
  source.addEventListener("open", () => away(false));
  source.addEventListener("error", () => {
    away(true);
    // After an answer that is no stream, browsers do not try again by themselves.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  });
}
