// The drawing board: strokes by finger, mouse, pen or keys, stored as lines so that they can be drawn at any size.

const SIDE = 640;
const STEP = 16; // how far an arrow key moves the pen

/** Make a canvas a drawing board. It calls `changed(strokes)` after every move. */
export function board(canvas, changed) {
  const context = canvas.getContext("2d");
  const strokes = [];
  let picture = null; // an opened image, shown in place of strokes
  let pen = null; // the pen moved by keys, once they are used: {x, y, down}
  let pointer = null;

  function show() {
    context.clearRect(0, 0, SIDE, SIDE);
    if (picture) {
      const scale = Math.min(SIDE / picture.width, SIDE / picture.height);
      const [width, height] = [picture.width * scale, picture.height * scale];
      context.imageSmoothingEnabled = scale < 4;
      context.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    }
    context.strokeStyle = "#fff6e9";
    trace(context, strokes, 40);
    if (pen && document.activeElement === canvas) {
      context.strokeStyle = pen.down ? "#ff7a4d" : "#9aa0ac";
      context.lineWidth = 4;
      context.beginPath();
      context.arc(pen.x, pen.y, 22, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  function update() {
    show();
    changed(strokes);
  }

  function begin(point) {
    picture = null;
    strokes.push([point]);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    pen = null;
    canvas.setPointerCapture(pointer);
    begin(place(event));
    update();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    strokes.at(-1).push(...(events.length ? events : [event]).map(place));
    update();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId === pointer) pointer = null;
    });
  }

  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (move) {
      pen ??= { x: SIDE / 2, y: SIDE / 4, down: false };
      pen.x = Math.min(Math.max(pen.x + move[0] * STEP, 0), SIDE);
      pen.y = Math.min(Math.max(pen.y + move[1] * STEP, 0), SIDE);
      if (pen.down) strokes.at(-1).push([pen.x, pen.y]);
    } else if (event.key === " ") {
      pen ??= { x: SIDE / 2, y: SIDE / 4, down: false };
      pen.down = !pen.down;
      if (pen.down) begin([pen.x, pen.y]);
    } else if (event.key === "Backspace") actions.undo();
    else if (event.key === "Escape") actions.clear();
    else return;
    event.preventDefault();
    update();
  });
  canvas.addEventListener("focus", show);
  canvas.addEventListener("blur", show);

  const actions = {
    undo() {
      strokes.pop();
      if (pen) pen.down = false;
      picture = null;
      update();
    },
    clear() {
      strokes.length = 0;
      actions.undo();
    },
    /** Show an image in place of a drawing. */
    open(image) {
      strokes.length = 0;
      if (pen) pen.down = false;
      picture = image;
      show();
    },
  };
  return actions;
}

/** Draw strokes as smooth curves through the midpoints between their points. A single point is a dot. */
export function trace(context, strokes, width) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  context.beginPath(); // one path: where strokes overlap, their smooth edges do not add up
  for (const stroke of strokes) {
    context.moveTo(...stroke[0]);
    stroke.slice(1).forEach(([x, y], i) => {
      const [fromX, fromY] = stroke[i];
      context.quadraticCurveTo(fromX, fromY, (fromX + x) / 2, (fromY + y) / 2);
    });
    context.lineTo(...stroke.at(-1));
  }
  context.stroke();
}
