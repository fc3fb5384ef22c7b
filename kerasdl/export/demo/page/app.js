// The page: what is drawn or opened goes through the network, and what comes out is shown.

import { board } from "./board.js";
import { load } from "./model.js";
import { fromImage, fromStrokes } from "./pixels.js";
import { showCard, showLatency, showModels, complain, showResult, showWaiting } from "./view.js";

const get = (id) => document.getElementById(id);
const models = {}; // by address, once they are loaded
let chosen = null;
let model = null;
let source = null; // (card) => pixels, of the drawing or image on the board
let running = false;
let times = [];

const drawing = board(get("board"), (strokes) => {
  const copy = strokes.map((stroke) => [...stroke]);
  offer(copy.length ? (card) => fromStrokes(copy, card) : null);
});

/** Take a new source; the newest one is predicted when the one before is done. */
function offer(next) {
  source = next;
  get("undo").disabled = get("clear").disabled = !source;
  get("hint").hidden = Boolean(source);
  predict().catch(failed);
}

async function predict() {
  if (!model || running) return;
  if (!source) return showWaiting(model.card);
  running = true;
  const [current, asked] = [model, source];
  const pixels = asked(current.card);
  const result = await current.run(pixels).finally(() => (running = false));
  times = [...times.slice(-99), result.milliseconds];
  if (current === model && source) {
    showResult(current.card, pixels, result.probabilities);
    showLatency(current.card, times);
    const detail = { pixels: [...pixels], probabilities: result.probabilities };
    document.dispatchEvent(new CustomEvent("prediction", { detail }));
  }
  if (current !== model || asked !== source) await predict();
}

async function choose(card) {
  chosen = card;
  const loaded = await (models[card.url] ??= load(card));
  if (chosen !== card) return; // another one, meanwhile
  [model, times] = [loaded, []];
  showCard(card);
  await predict();
}

async function open(file) {
  if (!file) return;
  try {
    const image = await createImageBitmap(file);
    drawing.open(image);
    offer((card) => fromImage(image, card));
  } catch {
    complain(`${file.name} is no image that this browser can read.`);
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
  const { models: cards, litertjs } = await (await fetch("cards.json")).json();
  showModels(cards, litertjs, (card) => choose(card).catch(failed));
  await choose(cards[0]);
  document.documentElement.dataset.ready = "";
} catch (error) {
  failed(error);
}

function failed(error) {
  complain(`The network does not run here: ${error.message ?? error}`);
  throw error;
}
