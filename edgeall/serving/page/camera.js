// Takes pictures with a camera, where the browser allows it.

import { byId, element } from "./dom.js";
import { text } from "./texts.js";

const WANTED = { width: { ideal: 2592 }, height: { ideal: 1944 } };

/** `taken` is called with the name and Blob of each picture. */
export function camera(taken) {
  const dialog = byId("camera");
  const video = byId("video");
  let stream = null;

  async function open() {
    byId("camera-problem").hidden = true;
    byId("take").disabled = true;
    if (!dialog.open) dialog.showModal();
    if (!window.isSecureContext || !navigator.mediaDevices) {
      problem(text("cameraInsecure"));
      return;
    }
    try {
      const device = byId("device").value;
      stop();
      stream = await navigator.mediaDevices.getUserMedia({
        video: { ...WANTED, ...(device ? { deviceId: { exact: device } } : { facingMode: "environment" }) },
      });
      video.srcObject = stream;
      await video.play();
      byId("take").disabled = false;
      await devices();
    } catch (error) {
      problem(text("cameraNone", { why: error.message }));
    }
  }

  async function devices() {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === "videoinput");
    const used = stream.getVideoTracks()[0].getSettings().deviceId;
    byId("which").hidden = cameras.length < 2;
    byId("device").replaceChildren(
      ...cameras.map((each) => element("option", { value: each.deviceId, selected: each.deviceId === used }, each.label)),
    );
  }

  function take() {
    const canvas = element("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const name = `camera ${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.png`;
    // PNG, which loses nothing.
    canvas.toBlob((picture) => taken(name, picture), "image/png");
    dialog.close();
  }

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  }

  function problem(line) {
    byId("camera-problem").textContent = line;
    byId("camera-problem").hidden = false;
  }

  byId("open-camera").addEventListener("click", open);
  byId("device").addEventListener("change", open);
  byId("take").addEventListener("click", take);
  byId("close-camera").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
}
