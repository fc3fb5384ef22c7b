// The page: run the network on the drawing or image on the board, and show its prediction.

import { board } from "./board.js";
import { load } from "./model.js";
import { fromImage, fromStrokes, onWhite } from "./pixels.js";
import { showInfo, showLatency, showModels, showError, showResult, showWaiting } from "./view.js";

const get = (id) => document.getElementById(id);
const models = {}; // by URL, once they are loaded
let chosen = null;
let model = null;
let source = null; // a function (info) => pixels of the drawing or image on the board
let running = false;
let times = [];

const drawing = board(get("board"), (strokes) => {
  const copy = strokes.map((stroke) => [...stroke]);
  offer(copy.length ? (info) => fromStrokes(copy, info) : null);
});

/** Set a new source. If a prediction is running, the newest source is predicted after it. */
function offer(next) {
  source = next;
  get("undo").disabled = get("clear").disabled = !source;
  get("hint").hidden = Boolean(source);
  predict().catch(failed);
}

async function predict() {
  if (!model || running) return;
  if (!source) return showWaiting(model.info);
  running = true;
  const [current, asked] = [model, source];
  const pixels = asked(current.info);
  const result = await current.run(pixels).finally(() => (running = false));
  times = [...times.slice(-99), result.milliseconds];
  if (current === model && source) {
    showResult(current.info, pixels, result.probabilities);
    showLatency(current.info, times);
    const detail = { pixels: [...pixels], probabilities: result.probabilities };
    document.dispatchEvent(new CustomEvent("prediction", { detail }));
  }
  if (current !== model || asked !== source) await predict();
}

async function choose(info) {
  chosen = info;
  const loaded = await (models[info.url] ??= load(info));
  if (chosen !== info) return; // another model was chosen meanwhile
  [model, times] = [loaded, []];
  showInfo(info);
  await predict();
}

async function open(file) {
  if (!file) return;
  try {
    const image = onWhite(await createImageBitmap(file));
    drawing.open(image);
    offer((info) => fromImage(image, info));
  } catch {
    showError(`This browser cannot read ${file.name} as an image.`);
  }
}

get("undo").addEventListener("click", drawing.undo);
get("clear").addEventListener("click", drawing.clear);
get("file").addEventListener("change", (event) => {
  open(event.target.files[0]);
  event.target.value = "";
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  open(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => open(event.clipboardData.files[0]));

try {
  const { models: infos, litertjs } = await (await fetch("models.json")).json();
  showModels(infos, litertjs, (info) => choose(info).catch(failed));
  await choose(infos[0]);
  document.documentElement.dataset.ready = "";
} catch (error) {
  failed(error);
}

function failed(error) {
  showError(`The network does not run in this browser: ${error.message ?? error}`);
  throw error;
}
