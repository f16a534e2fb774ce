// Draw a digit: an LSTM reads it row by row, with the weights of the chapter, and shows what it believes after each row.
"use strict";
{
  const SIDE = 28, SHEET = 280, H = 100;
  const CLASSES = Array.from({length: 10}, (_, k) => k);
  const text = (x, y, words, given = {}) => Play.draw("text", {x, y, "font-size": 15, ...given}, words);
  // One digit of each kind, as strokes of a pen on a sheet of 10 by 10.
  const SAMPLES = ["5 1 3 2 2 5 3 8 5 9 7 8 8 5 7 2 5 1", "4 2.5 5.5 1 5.5 9", "2.5 3 4 1.2 6.5 1.5 7 3.5 5 6 2.5 8.7 7.6 8.7",
    "2.8 1.8 5 1 7 2 6.6 3.8 4.6 4.7 6.8 5.4 7.4 7.2 5.6 9 2.8 8.4", "3.4 1 2.4 5.4 7.6 5.4|6.6 3.4 6.2 9.2",
    "7.4 1.2 3.6 1.2 3 4.6 5.4 4 7.2 5.8 6.6 8.4 4.4 9 2.6 8.2", "6 1 3.6 4 2.8 7 4.4 9 6.8 8 6.6 5.8 4.6 5.2 3 6.6",
    "2.4 1.4 7.6 1.4 6 4.8 4.6 9", "6.8 2 5 1 3.2 2.4 4 4.2 6.4 5.8 6.8 8 5 9 3.2 8 3.6 5.8 6.2 4.2 6.8 2",
    "7 3.2 5.4 1.2 3.2 2.4 3.4 4.6 5.6 5 7 3.2 6.8 6 6 9"].map((digit) => digit.split("|").map((stroke) => {
    const numbers = stroke.split(" ").map((x) => 28 * Number(x));
    return Array.from({length: numbers.length / 2}, (_, k) => [numbers[2 * k], numbers[2 * k + 1]]);
  }));

  // The strokes as MNIST has its digits: 20 pixels high or wide, a pen of some two pixels, the centre of mass in the middle.
  const image = (strokes, radius = 1.1) => {
    const points = strokes.flat(), xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
    const scale = (20 - 2 * radius) / Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 40);
    const pixels = (dx, dy) => {
      const found = new Float64Array(SIDE * SIDE);
      for (const stroke of strokes) stroke.forEach((end, k) => {
        const [ax, ay, bx, by] = [...(stroke[k - 1] ?? end), ...end].map((x, i) => x * scale + (i % 2 ? dy : dx));
        const length = (bx - ax) ** 2 + (by - ay) ** 2;
        for (let row = 0; row < SIDE; row++) for (let column = 0; column < SIDE; column++) {
          const [px, py] = [column + 0.5 - ax, row + 0.5 - ay];
          const along = length ? Math.max(0, Math.min(1, (px * (bx - ax) + py * (by - ay)) / length)) : 0;
          const far = Math.hypot(px - along * (bx - ax), py - along * (by - ay));
          found[row * SIDE + column] = Math.max(found[row * SIDE + column], Math.min(1, Math.max(0, radius + 0.5 - far)));
        }
      });
      return found;
    };
    const middle = ([least, most]) => SIDE / 2 - scale * (least + most) / 2;
    const dx = middle([Math.min(...xs), Math.max(...xs)]), dy = middle([Math.min(...ys), Math.max(...ys)]), first = pixels(dx, dy);
    const mass = first.reduce((sum, x) => sum + x, 0);
    const centre = (of) => first.reduce((sum, x, k) => sum + x * (of(k) + 0.5), 0) / mass;
    return pixels(dx + Math.round(14 - centre((k) => k % SIDE)), dy + Math.round(14 - centre((k) => Math.floor(k / SIDE))));
  };

  const unpacked = ({scale, bytes}) => {
    const small = Int8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)), columns = small.length / scale.length;
    return Float64Array.from(small, (x, k) => x * scale[Math.floor(k / columns)]);
  };
  const beliefs = (weights, pixels) => { // after each row
    const {h} = Play.layer(Play.cells.lstm, {T: SIDE, D: SIDE, H}).forward(weights, pixels);
    return Array.from({length: SIDE}, (_, t) => {
      const scores = CLASSES.map((c) => weights.Wy.subarray(c * H, (c + 1) * H).reduce((sum, w, j) => sum + w * h[t * H + j], weights.by[c]));
      const most = Math.max(...scores), parts = scores.map((score) => Math.exp(score - most)), sum = parts.reduce((a, b) => a + b);
      return parts.map((part) => part / sum);
    });
  };

  const mount = (box) => {
    let strokes = [], weights, pixels, belief, pen = [140, 40], down = false, rows = SIDE;
    const sheet = Play.draw("svg", {viewBox: `0 0 ${SHEET} ${SHEET}`, tabindex: 0, role: "application", class: "play-sheet",
      "aria-label": "A sheet to draw a digit on. Arrow keys move the pen, the space bar puts it down or lifts it."});
    const ink = Play.draw("g"), nib = Play.draw("circle", {r: 6, class: "play-nib"}), hint = text(SHEET / 2, SHEET / 2, "draw here", {"text-anchor": "middle", class: "play-hint"});
    sheet.append(Play.draw("rect", {width: SHEET, height: SHEET, class: "play-frame"}), hint, ink, nib);
    const map = Play.draw("svg", {viewBox: "0 0 480 330", role: "img", class: "play-map"}), said = Play.make("p", {"aria-live": "polite"});
    const reader = Play.slider("rows read", {min: 1, max: SIDE, step: 1, value: SIDE, say: String}, (value) => { rows = value; show(); });

    const place = (event) => {
      const {left, top, width} = sheet.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top].map((x) => Math.max(4, Math.min(SHEET - 4, x * SHEET / width)));
    };
    sheet.onpointerdown = (event) => {
      event.preventDefault();
      sheet.focus({focusVisible: false});
      sheet.setPointerCapture(event.pointerId);
      strokes.push([pen = place(event)]);
      ready().then(read);
    };
    sheet.onpointermove = (event) => {
      if (!event.buttons || !strokes.length) return;
      const last = strokes.at(-1), next = place(event);
      if (Math.hypot(next[0] - pen[0], next[1] - pen[1]) > 4) last.push(pen = next);
      paint();
    };
    sheet.onpointerup = () => read();
    sheet.onkeydown = (event) => {
      const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
      if (event.key === " ") {
        down = !down;
        if (down) strokes.push([pen]);
      } else if (event.key in moves) {
        pen = pen.map((x, k) => Math.max(4, Math.min(SHEET - 4, x + 14 * moves[event.key][k])));
        if (down) strokes.at(-1).push(pen);
      } else return;
      event.preventDefault();
      nib.classList.toggle("play-down", down);
      ready().then(read);
    };

    const ready = () => (weights ? Promise.resolve() : Play.load("digit-weights.js").then(() => {
      const found = Object.fromEntries(Object.entries(Play.digit.weights).map(([name, part]) => [name, unpacked(part)]));
      weights = {W: found["lstm.W"], R: found["lstm.R"], b: found["lstm.b"], Wy: found["dense.W"], by: found["dense.b"]};
    }));
    const paint = () => {
      ink.replaceChildren(...strokes.map((stroke) => Play.draw("polyline", {class: "play-ink", points: [...stroke, stroke.at(-1)].map((p) => p.join()).join(" ")})));
      nib.setAttribute("cx", pen[0]);
      nib.setAttribute("cy", pen[1]);
      hint.style.display = strokes.length ? "none" : "";
    };
    const read = () => {
      paint();
      if (!weights) return;
      pixels = strokes.length ? image(strokes) : null;
      belief = pixels && beliefs(weights, pixels);
      show();
    };
    const show = () => {
      const cell = 10, right = 300, wide = 15, parts = [];
      for (let t = 0; t < SIDE; t++) for (let k = 0; k < SIDE; k++) if (pixels?.[t * SIDE + k] > 0.02) parts.push(Play.draw("rect", {
        x: k * cell, y: 20 + t * cell, width: cell, height: cell, class: "play-pixel", "fill-opacity": (pixels[t * SIDE + k] * (t < rows ? 1 : 0.25)).toFixed(2)}));
      belief?.slice(0, rows).forEach((of, t) => of.forEach((p, k) => p > 0.01 && parts.push(Play.draw("rect", {
        x: right + k * wide, y: 20 + t * cell, width: wide, height: cell, class: "play-belief", "fill-opacity": p.toFixed(2)}))));
      map.replaceChildren(...parts, Play.draw("rect", {x: 0.5, y: 20, width: SIDE * cell, height: SIDE * cell, class: "play-frame"}),
        Play.draw("rect", {x: right, y: 20, width: 10 * wide, height: SIDE * cell, class: "play-frame"}),
        Play.draw("path", {d: `M0 ${20 + rows * cell}H${right + 10 * wide}`, class: "play-row-line"}),
        ...CLASSES.map((k) => text(right + (k + 0.5) * wide, 315, k, {"text-anchor": "middle"})),
        text(0, 14, "what it reads"), text(right, 14, "belief after each row"));
      if (!belief) said.textContent = "Nothing is drawn yet.";
      else {
        const of = belief[rows - 1], order = CLASSES.slice().sort((a, b) => of[b] - of[a]), per = (k) => (of[k] > 0.999 ? "over 99.9\u00a0%" : of[k] < 0.001 ? "under 0.1\u00a0%" : `${(100 * of[k]).toFixed(1)}\u00a0%`);
        said.textContent = `After ${rows} of ${SIDE} rows it believes in ${order[0]} with ${per(order[0])}, then ${order[1]} with ${per(order[1])}.`;
      }
      map.setAttribute("aria-label", `The digit as 28 by 28 pixels, and the belief in each of ten classes after each row. ${said.textContent}`);
      box.found = {belief, pixels, rows};
    };
    const sample = Play.choice("or let it be drawn:", {"": "choose a digit", ...Object.fromEntries(CLASSES.map((k) => [`d${k}`, String(k)]))}, "", (chosen) => {
      strokes = chosen ? SAMPLES[Number(chosen[1])].map((stroke) => stroke.slice()) : [];
      ready().then(read);
    });
    const clear = Play.button("Clear", () => { strokes = []; down = false; nib.classList.remove("play-down"); sample.select.value = ""; read(); });
    box.append(Play.make("p", {class: "play-try"}, "Try this first: draw a 3 with the mouse or a finger, then pull ",
        Play.make("b", {}, "rows read"), " back to 14. When did it make up its mind?"),
      sheet, Play.make("p", {class: "play-legend play-keys"}, "Keys: the arrows move the pen, the space bar puts it down or lifts it."),
      Play.make("div", {class: "play-row"}, clear, sample), said, reader, map);
    paint();
    show();
  };
  Play.figure("digit", mount);
}
