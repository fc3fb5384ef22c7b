// What the page shows of a model and of its answer.

const get = (id) => document.getElementById(id);
const ROWS = 10;
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;
let runtime = "";
let timer;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A switch between the models, if there are several. */
export function showModels(models, version, choose) {
  runtime = `LiteRT.js ${version}, WebAssembly`;
  get("models").hidden = models.length < 2;
  models.forEach((card, i) => {
    const input = element("input", { type: "radio", name: "model", checked: i === 0 });
    input.addEventListener("change", () => choose(card));
    const name = element("b", {}, card.name.replace(/^model-/, ""));
    get("models").append(element("label", {}, input, element("span", {}, name, ` ${kilobytes(card.size)}`)));
  });
}

export function showCard(card) {
  const [height, width, channels] = card.shape;
  get("what").textContent = card.description;
  const facts = {
    Input: `${width} × ${height}, ${channels === 1 ? "grey" : "RGB"}, ${card.range.join(" to ")}`,
    Classes: card.labels.length,
    Numbers: card.quantize ?? "float32",
    File: `${kilobytes(card.size)}, ${kilobytes(card.zipped_size)} zipped`,
    Runtime: runtime,
    Latency: element("span", { id: "latency" }, "–"),
  };
  get("facts").replaceChildren(
    ...Object.entries(facts).map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
  Object.assign(get("seen"), { width, height });
  get("hint").textContent = card.digits ? "Draw a digit" : "Draw, or open an image";
  showWaiting(card);
}

export function showWaiting(card) {
  get("answer").hidden = true;
  get("sure").textContent = "It answers while you draw";
  get("from").textContent = `from ${card.shape[1]} × ${card.shape[0]} pixels`;
  get("seen").getContext("2d").clearRect(0, 0, get("seen").width, get("seen").height);
  showBars(card, card.labels.map(() => 0));
  clearTimeout(timer);
  get("spoken").textContent = "";
}

export function showResult(card, pixels, probabilities) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  get("answer").hidden = false;
  get("answer").textContent = card.labels[best];
  get("answer").classList.toggle("word", card.labels[best].length > 2);
  get("sure").textContent = `${percent(probabilities[best])} sure`;
  showBars(card, probabilities, best);
  showSeen(card, pixels);
  // spoken once the hand rests, not at every move
  clearTimeout(timer);
  const sentence = `${card.labels[best]}, ${percent(probabilities[best])} sure`;
  timer = setTimeout(() => (get("spoken").textContent = sentence), 700);
}

export function showLatency({ shape: [height, width] }, times) {
  const sorted = [...times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const show = (time) => `${time < 10 ? time.toFixed(2) : time.toFixed(0)} ms`;
  get("from").textContent = `${width} × ${height} pixels, ${show(times.at(-1))}`;
  get("latency").textContent = `${show(median)}, median of ${times.length}`;
}

/** Show and say what went wrong. */
export function complain(message) {
  get("answer").hidden = true;
  get("from").textContent = "";
  get("sure").textContent = get("spoken").textContent = message;
}

/** All classes in their order, or the likeliest of many. */
function showBars(card, probabilities, best) {
  let rows = card.labels.map((name, i) => ({ name, share: probabilities[i], isBest: i === best }));
  if (rows.length > ROWS) rows = rows.sort((a, b) => b.share - a.share).slice(0, ROWS);
  const list = get("bars");
  while (list.children.length < rows.length) {
    list.append(element("li", {}, element("b"), element("i"), element("span")));
  }
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(({ name, share, isBest }, i) => {
    const row = list.children[i];
    const [label, bar, number] = row.children;
    label.textContent = name;
    number.textContent = best === undefined ? "" : percent(share);
    bar.style.setProperty("--share", share);
    row.classList.toggle("best", isBest);
  });
}

/** The very pixels that go into the network. */
function showSeen({ shape: [height, width, channels] }, pixels) {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * i + channel] = 255 * pixels[i * channels + (channels === 3 ? channel : 0)];
    }
    image.data[4 * i + 3] = 255;
  }
  get("seen").getContext("2d").putImageData(image, 0, 0);
}
