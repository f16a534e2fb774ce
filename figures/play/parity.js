// Parity: an LSTM of 16 units is trained in the page, forward and back by the cell's generated code.
"use strict";
{
  const H = 16, T = 50, B = 32, RATE = 0.01, CLIP = 1, MOST = 1500, FRESH = 200;
  const WIDTH = 480;
  const LEGEND = `A lamp is as full as the network is sure; a ring marks the true answer. Below: the outputs h of the ${H} units, `
    + "blue below 0, orange above.";
  const text = (x, y, words, given = {}) => Play.draw("text", {x, y, "font-size": 15, ...given}, words);

  // The start of the chapter: W of equal spread, R orthogonal for each gate, the forget gate's bias 1.
  const fresh = (cell, seed) => {
    const random = Play.random(seed), spread = (rows, columns) => {
      const most = Math.sqrt(6 / (rows + columns));
      return Float64Array.from({length: rows * columns}, () => most * (2 * random.uniform() - 1));
    };
    const orthogonal = () => {
      const rows = [];
      while (rows.length < H) {
        const row = Float64Array.from({length: H}, random.normal);
        for (const other of rows) {
          const along = row.reduce((sum, x, k) => sum + x * other[k], 0);
          other.forEach((x, k) => { row[k] -= along * x; });
        }
        const length = Math.hypot(...row);
        rows.push(row.map((x) => x / length));
      }
      return rows.flatMap((row) => [...row]);
    };
    const gates = cell.stages[0].inputs, b = new Float64Array(gates.length * H);
    b.fill(1, gates.indexOf("f") * H, (gates.indexOf("f") + 1) * H);
    return {W: Float64Array.from(gates.flatMap(() => [...spread(H, 2)])), R: Float64Array.from(gates.flatMap(orthogonal)), b,
            Wy: spread(2, H), by: new Float64Array(2), random};
  };

  const strings = (random, count) => { // x (T, 2, count), a bit one-hot; parity (T, count)
    const x = new Float64Array(T * 2 * count), y = new Uint8Array(T * count);
    for (let t = 0; t < T; t++) for (let k = 0; k < count; k++) {
      const bit = random.uniform() < 0.5 ? 0 : 1;
      x[(2 * t + bit) * count + k] = 1;
      y[t * count + k] = bit ^ (t ? y[(t - 1) * count + k] : 0);
    }
    return {x, y};
  };

  // The readout at every step: the probability of odd; with y also the loss and the way back.
  const readout = (P, h, steps, count, y, grads) => {
    const odd = new Float64Array(steps * count), dh = new Float64Array(h.length);
    let loss = 0;
    for (let t = 0; t < steps; t++) for (let k = 0; k < count; k++) {
      let score = P.by[1] - P.by[0];
      for (let j = 0; j < H; j++) score += (P.Wy[H + j] - P.Wy[j]) * h[(t * H + j) * count + k];
      const p = odd[t * count + k] = (1 + Math.tanh(score / 2)) / 2;
      if (!y) continue;
      const truth = y[t * count + k], d = (p - truth) / (steps * count);
      loss -= Math.log(Math.max(truth ? p : 1 - p, 1e-300)) / (steps * count);
      grads.by[0] -= d;
      grads.by[1] += d;
      for (let j = 0; j < H; j++) {
        const at = (t * H + j) * count + k;
        grads.Wy[j] -= d * h[at];
        grads.Wy[H + j] += d * h[at];
        dh[at] = d * (P.Wy[H + j] - P.Wy[j]);
      }
    }
    return {odd, loss, dh};
  };

  const NAMES = ["W", "R", "b", "Wy", "by"];
  const trainer = (cell, seed) => {
    const P = fresh(cell, seed), layer = Play.layer(cell, {T, D: 2, H, B}), tester = Play.layer(cell, {T, D: 2, H, B: FRESH});
    const m = {}, v = {};
    NAMES.forEach((name) => { m[name] = new Float64Array(P[name].length); v[name] = new Float64Array(P[name].length); });
    let batch = 0;
    const step = () => {
      const {x, y} = strings(P.random, B), ends = {Wy: new Float64Array(2 * H), by: new Float64Array(2)};
      const {loss, dh} = readout(P, layer.forward(P, x).h, T, B, y, ends);
      const grads = {...layer.backward(dh), ...ends};
      const norm = Math.sqrt(NAMES.reduce((sum, name) => sum + grads[name].reduce((s, g) => s + g * g, 0), 0));
      const scale = Math.min(1, CLIP / norm), rate = RATE * Math.sqrt(1 - 0.999 ** ++batch) / (1 - 0.9 ** batch);
      for (const name of NAMES) for (let k = 0; k < P[name].length; k++) { // Adam
        const g = scale * grads[name][k];
        m[name][k] += 0.1 * (g - m[name][k]);
        v[name][k] += 0.001 * (g * g - v[name][k]);
        P[name][k] -= rate * m[name][k] / (Math.sqrt(v[name][k]) + 1e-8);
      }
      return loss;
    };
    const whole = () => { // of so many fresh strings, those with every answer right
      const {x, y} = strings(P.random, FRESH), {odd} = readout(P, tester.forward(P, x).h, T, FRESH);
      let right = 0;
      for (let k = 0; k < FRESH; k++) {
        let good = 1;
        for (let t = 0; t < T; t++) good &= Number(odd[t * FRESH + k] > 0.5) === y[t * FRESH + k];
        right += good;
      }
      return right;
    };
    return {P, step, whole};
  };

  const mount = (box) => {
    const cell = Play.cells.lstm;
    let seed = 1, training, losses, running = false, spent, solved, progress;
    const go = Play.button("Train", () => (running ? pause() : start()), {class: "play-main"});
    const same = Play.button("Same start again", () => reset());
    const again = Play.button("Another start", () => { seed += 1; reset(); });
    const curve = Play.draw("svg", {viewBox: `0 0 ${WIDTH} 170`, role: "img", "aria-label": "training loss, batch after batch"});
    const said = Play.make("p", {"aria-live": "polite"});
    const bits = Play.make("input", {type: "text", inputmode: "numeric", maxlength: 100, size: 24, value: "0100110001", spellcheck: "false",
      oninput: () => answer()});
    const trace = Play.draw("svg", {role: "img", viewBox: `0 0 ${WIDTH} 10`}), words = Play.make("p", {"aria-live": "polite"});

    const reset = () => {
      stop();
      [training, losses, spent, solved, progress] = [trainer(cell, seed), [], 0, false, ""];
      go.textContent = "Train";
      said.textContent = `${H} units that know nothing. The loss is ${Math.log(2).toFixed(2)} as long as they guess.`;
      paint();
      answer();
    };
    const quiet = (is) => [said, words].forEach((line) => line.setAttribute("aria-live", is ? "off" : "polite")); // read aloud at rest
    const stop = () => {
      running = false;
      quiet(false);
      go.textContent = !losses?.length ? "Train" : solved || losses.length >= MOST ? "Train again" : "Go on";
    };
    const pause = () => {
      stop();
      answer();
    };
    const start = () => {
      if (solved || losses.length >= MOST) reset();
      running = true;
      quiet(true);
      go.textContent = "Pause";
      chunk();
    };
    const chunk = () => {
      if (!running) return;
      const began = performance.now();
      while (performance.now() - began < 40 && running) {
        losses.push(training.step());
        if (losses.length % 20 === 0) {
          const right = training.whole();
          progress = `, ${right} of ${FRESH} fresh strings of ${T} bits right at every step`;
          solved = right === FRESH;
          if (solved || losses.length >= MOST) running = false;
        }
      }
      spent += performance.now() - began;
      said.textContent = `Batch ${losses.length}: loss ${losses.at(-1).toFixed(3)}${progress}.`;
      paint();
      answer();
      if (running) return setTimeout(chunk);
      stop();
      if (solved) said.textContent = `Solved after ${losses.length} batches, in ${(spent / 1000).toFixed(1)} s: ${FRESH} of ${FRESH} `
        + `fresh strings of ${T} bits are right at every step. Now give it bits of yours.`;
      if (!solved && losses.length >= MOST) said.textContent = `Not solved in ${MOST} batches: take another start.`;
      answer();
    };

    const paint = () => {
      const [left, top, width, height] = [58, 12, WIDTH - 66, 122], most = Math.max(200, losses.length);
      const y = (loss) => top + height * (Math.log10(2) - Math.log10(Math.max(loss, 1e-3))) / (Math.log10(2) + 3);
      const marks = [1, 0.1, 0.01, 0.001].flatMap((loss) => [Play.draw("path", {d: `M${left} ${y(loss)}h${width}`, class: "play-zero"}),
        text(left - 6, y(loss) + 5, `${loss}`, {"text-anchor": "end"})]);
      curve.replaceChildren(...marks, Play.draw("rect", {x: left, y: top, width, height, class: "play-frame"}),
        Play.draw("path", {class: "play-curve blue", d: losses.map((loss, k) => `${k ? "L" : "M"}${(left + width * k / most).toFixed(1)} ${y(loss).toFixed(1)}`).join("")}),
        text(left, 156, "batch 0"), text(left + width, 156, `${most}`, {"text-anchor": "end"}), text(left + width / 2, 156, "training loss", {"text-anchor": "middle"}));
    };

    // The reader's bits: the two states, lit, and below them all units.
    const answer = () => {
      const string = [...bits.value].filter((bit) => bit === "0" || bit === "1").map(Number), count = string.length;
      const size = Math.min(36, (WIDTH - 64) / Math.max(count, 1)), left = 56, unit = Math.min(7, size);
      const x = new Float64Array(2 * count);
      string.forEach((bit, t) => { x[2 * t + bit] = 1; });
      const {h} = Play.layer(cell, {T: count, D: 2, H}).forward(training.P, x), {odd} = readout(training.P, h, count, 1);
      const parts = [text(left - 8, 21, "bits", {"text-anchor": "end"}), text(left - 8, 51, "even", {"text-anchor": "end"}),
        text(left - 8, 81, "odd", {"text-anchor": "end"}), text(left - 8, 112, "units", {"text-anchor": "end"})];
      let parity = 0, wrong = 0;
      string.forEach((bit, t) => {
        const at = left + t * size, middle = at + size / 2;
        parity ^= bit;
        wrong += Number(odd[t] > 0.5) !== parity;
        if (size > 6) parts.push(text(middle, 21, bit, {"text-anchor": "middle", "font-size": Math.min(15, 1.5 * size)}));
        [[1 - odd[t], 46], [odd[t], 76]].forEach(([belief, y], k) => parts.push(Play.draw("circle", {cx: middle, cy: y, r: Math.min(11, 0.42 * size),
          class: `play-lamp ${k ? "lit" : "blue"}${k === parity ? " play-truth" : ""}`, "fill-opacity": (belief ** 2).toFixed(3)})));
        for (let j = 0; j < H; j++) parts.push(Play.draw("rect", {x: at + 0.5, width: size - 1, y: 100 + j * unit, height: unit - 0.5,
          class: h[t * H + j] > 0 ? "play-unit lit" : "play-unit blue", "fill-opacity": Math.abs(h[t * H + j]).toFixed(3)}));
      });
      trace.replaceChildren(...parts);
      trace.setAttribute("viewBox", `0 0 ${WIDTH} ${104 + H * unit}`);
      trace.setAttribute("aria-label", `The network's belief after each of ${count} bits: even or odd; a ring marks the truth. Below, its ${H} units.`);
      words.textContent = count ? `After ${count} ${count === 1 ? "bit" : "bits"} it says ${odd[count - 1] > 0.5 ? "odd" : "even"} with probability `
        + `${Math.max(odd[count - 1], 1 - odd[count - 1]).toFixed(3)}; true is ${parity ? "odd" : "even"}. `
        + `Wrong on the way: ${wrong} of ${count}.` : "Type zeros and ones.";
      box.found = {losses, solved, spent, batches: losses.length, odd: [...odd], wrong};
    };

    box.append(Play.make("p", {class: "play-try"}, "Try this first: press ", Play.make("b", {}, "Train"),
        " and watch: for a while nothing seems to happen. When it is solved, type bits of your own."),
      Play.make("div", {class: "play-row"}, go, same, again), curve, said,
      Play.make("div", {class: "play-row"}, Play.make("label", {}, "Your bits ", bits)), trace,
      Play.make("p", {class: "play-legend"}, LEGEND), words);
    reset();
  };
  Play.figure("parity", mount);
}
