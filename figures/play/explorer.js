// Cell explorer: one unit of any cell, its weights on sliders, its inputs to be drawn; gates and states over time.
"use strict";
{
  const T = 24, INPUTS = ["value", "write", "read"];
  const WORDS = {rnn: "vanilla RNN", "rnn relu": "RNN with relu", lstm: "LSTM with peepholes", gru: "GRU, reset after",
    "gru before": "GRU, reset before", nig: "LSTM without input gate", nfg: "LSTM without forget gate",
    nog: "LSTM without output gate", niaf: "LSTM, candidate not squashed", noaf: "LSTM, output not squashed",
    cifg: "LSTM, coupled gates", fgr: "LSTM, full gate recurrence", nas: "NAS cell", mingru: "minGRU",
    minlstm: "minLSTM", qrnn: "QRNN", diagonal: "diagonal recurrence", "diagonal signed": "diagonal recurrence, signed",
    rglru: "RG-LRU", lru: "LRU", slstm: "sLSTM"};
  const GATE = {i: "input gate i", f: "forget gate f", o: "output gate o", g: "candidate g", z: "update gate z",
    r: "reset gate r", n: "candidate n", h: "state h"};
  // Set by hand: what makes the notepad of the chapter. Gate -> bias, and weights of value, write, read.
  const NOTEPAD = {i: [-8, 0, 16, 0], f: [8, 0, -16, 0], o: [-8, 0, 0, 16], g: [0, 1, 0, 0],
    z: [8, 0, -16, 0], r: [8, 0, 0, 0], n: [0, 1, 0, 0], h: [0, 1, 0, 0]};
  const LEFT = 54, WIDTH = 480, STEP = (WIDTH - LEFT - 8) / T;
  const middle = (t) => LEFT + (t + 0.5) * STEP;
  const said = (x) => (Math.abs(x) > 9999 ? x.toExponential(2).replaceAll("-", "−") : Play.number(x, 2));
  const text = (x, y, words, given = {}) => Play.draw("text", {x, y, "font-size": 15, ...given}, words);

  const shade = (name, k) => ({h: "lit", c: "ink"})[name] ?? ["lit", "grey", "ink"][k % 3];

  const gatesOf = (cell) => [...new Set(cell.stages.flatMap((stage) => [...stage.inputs, ...stage.recurs]))];
  const weights = (cell, start, seed) => {
    const inputs = cell.stages.flatMap((stage) => stage.inputs), recurs = cell.stages.flatMap((stage) => stage.recurs);
    const {normal} = Play.random(seed), random = start === "random", draw = () => (random ? Math.round(15 * normal()) / 10 : 0);
    const P = {W: new Float64Array(3 * inputs.length).map(draw), R: new Float64Array(recurs.length).map(draw),
               b: new Float64Array(inputs.length).map(draw), p: new Float64Array(cell.own.length).map(draw)};
    if (start === "notepad") inputs.forEach((gate, k) => {
      const [bias, ...of] = NOTEPAD[gate] ?? [0, 0, 0, 0];
      P.b[k] = bias;
      P.W.set(of, 3 * k);
    });
    if (start === "notepad" && recurs[0] === "h") P.R[0] = 1; // a bare unit can but add
    return {P, inputs, recurs};
  };
  // The first thing to try: what to pull, and what becomes of the memory.
  const tryThis = (cell, start) => {
    const state = cell.states.at(-1) === "c" ? "c" : "h", b = (words) => Play.make("b", {}, words);
    const gate = {f: "forget", z: "update"}[gatesOf(cell).find((one) => one === "f" || one === "z")];
    if (start === "notepad" && gate) return ["pull the ", b("bias"), ` of the ${gate} gate from 8 down to 2, and watch ${state} between two bells.`];
    if (start === "notepad" && gatesOf(cell)[0] === "h") return ["pull ", b("from h before"), " from 1 down to 0, and watch h lose what was."];
    return ["choose a gate, pull its ", b("bias"), `, and watch ${state}.`];
  };
  // Of every step: what the cell keeps that is a gate, and its states.
  const play = (cell, P, x) => {
    const {h, steps} = Play.layer(cell, {T, D: 3, H: 1}).forward(P, x), gates = {}, states = {};
    cell.stages.forEach((stage, s) => stage.keeps.forEach((name, k) => {
      if (!/^(c|h|tanh_c|.*_prev|q)$/.test(name)) gates[name] = steps.map((step) => step[s].kept[k][0]);
    }));
    cell.states.slice(0, 2).map((name, k) => [name, k]).reverse().forEach(([name, k]) => { states[name] = k ? steps.map((step) => step.at(-1).after[k][0]) : [...h]; });
    return {gates, states};
  };

  const mount = (box) => {
    const x = new Float64Array(3 * T);
    let name = "lstm", start = "notepad", gate = "f", at = 7, seed = 1, cell, P, inputs, recurs;
    const sliders = Play.make("div"), gates = Play.make("div", {class: "play-row", role: "group", "aria-label": "gate"});
    const now = Play.make("p", {"aria-live": "polite"}), first = Play.make("p", {class: "play-try"});
    const chart = Play.draw("svg", {viewBox: `0 0 ${WIDTH} 502`, role: "group", "aria-label": "inputs, gates and states over 24 steps"});
    const plots = Play.draw("g"), strips = {};
    const starts = Play.choice("Weights", {notepad: "a notepad, set by hand", zero: "all 0", random: "at random"}, start,
      (chosen) => { start = chosen; reset(); });

    const notes = () => { // a sequence as in the chapter: two bells to write, three to read
      const {uniform} = Play.random(11), values = {0: 0.8, 13: -0.6};
      for (let t = 0; t < T; t++) x.set([values[t] ?? Math.round(16 * uniform() - 8) / 10, Number(t in values), Number([5, 10, 19].includes(t))], 3 * t);
    };
    const reset = () => {
      cell = Play.cells[name];
      const all = gatesOf(cell), can = all.some((one) => one in NOTEPAD), used = can || start !== "notepad" ? start : "random";
      starts.select.options[0].disabled = !can;
      starts.select.value = used;
      for (let k = 0; k < 20; k++) { // a NAS cell at random may stay at 0: take one that moves
        ({P, inputs, recurs} = weights(cell, used, seed += 1));
        if (used !== "random" || play(cell, P, x).states.h.some((h) => Math.abs(h) > 0.01)) break;
      }
      if (!all.includes(gate)) gate = all.includes("f") ? "f" : all[0];
      first.replaceChildren("Try this first: ", ...tryThis(cell, used), " Then draw other values, and ring the bells by a click.");
      choose();
      update();
    };

    // The inputs: a strip each, one stop of the Tab key; arrows go from step to step.
    const put = (d, t, value) => { x[3 * t + d] = Math.max(-1, Math.min(1, Math.round(10 * value) / 10)); };
    const change = (d, t, value) => {
      put(d, t, value);
      at = t;
      update();
    };
    // Values are drawn, and no step is left out by a fast hand. A finger that scrolls changes none: it has to tap, or go sideways.
    const drawn = (element, place) => {
      let down = null, last = null;
      const draw = (event) => {
        const [t, value] = place(event), [s, before] = last ?? [t, value], far = Math.abs(t - s);
        for (let k = 1; k < far; k++) put(0, s + Math.sign(t - s) * k, before + (value - before) * k / far);
        last = [t, value];
        change(0, t, value);
      };
      element.onpointerdown = (event) => {
        down = event;
        if (event.pointerType === "touch") return;
        element.setPointerCapture(event.pointerId);
        draw(event);
      };
      element.onpointermove = (event) => {
        const [aside, along] = down ? [event.clientX - down.clientX, event.clientY - down.clientY].map(Math.abs) : [0, 0];
        if (last || (aside > 6 && aside > along)) draw(event);
      };
      element.onpointerup = (event) => {
        if (down && !last) draw(event); // a tap
        down = last = null;
      };
      element.onpointercancel = () => { down = last = null; };
    };
    const strip = (d, y, height) => {
      const of = (t) => x[3 * t + d], flip = (t) => change(d, t, d ? 1 - of(t) : -of(t));
      const element = Play.draw("g", {tabindex: 0, role: "slider", "aria-label": d ? `bell: ${INPUTS[d]}` : "value",
        "aria-valuemin": d ? 0 : -1, "aria-valuemax": 1, class: d ? "grey" : "pink"});
      element.onkeydown = (event) => {
        const moves = {ArrowLeft: -1, ArrowRight: 1, Home: -T, End: T};
        if (event.key in moves) at = Math.max(0, Math.min(T - 1, at + moves[event.key]));
        else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
          const up = event.key === "ArrowUp";
          change(d, at, d ? Number(up) : of(at) + (up ? 0.1 : -0.1));
        } else if (event.key === " " || event.key === "Enter") flip(at);
        else return;
        event.preventDefault();
        update();
      };
      const place = (event) => {
        const {left, top, width} = chart.getBoundingClientRect(), scale = WIDTH / width;
        const t = Math.floor(((event.clientX - left) * scale - LEFT) / STEP);
        return [Math.max(0, Math.min(T - 1, t)), 1 - (((event.clientY - top) * scale - y) / height) * 2];
      };
      if (d) element.onclick = (event) => flip(place(event)[0]);
      else drawn(element, place);
      const marks = Play.draw("g");
      element.append(Play.draw("rect", {x: LEFT, y, width: T * STEP, height, class: "play-frame"}), marks,
        text(LEFT - 6, y + height / 2 + 5, INPUTS[d], {"text-anchor": "end"}));
      strips[d] = () => {
        marks.replaceChildren(...Array.from({length: T}, (_, t) => (d
          ? Play.draw("circle", {cx: middle(t), cy: y + height / 2, r: of(t) ? 6.5 : 2, class: "play-dot"})
          : Play.draw("rect", {x: middle(t) - 5, width: 10, y: y + (1 - Math.max(of(t), 0)) * height / 2,
              height: Math.max(1.5, Math.abs(of(t)) * height / 2), class: "play-dot"}))));
        element.setAttribute("aria-valuenow", of(at));
        element.setAttribute("aria-valuetext", `step ${at + 1}: ${d ? (of(at) ? "rings" : "silent") : said(of(at))}`);
      };
      return element;
    };

    // The sliders of one gate: its bias, and what it sees.
    const choose = () => {
      gates.replaceChildren(...gatesOf(cell).map((one) => Play.button(GATE[one] ?? `gate ${one}`,
        () => { gate = one; choose(); gates.querySelector('[aria-pressed="true"]').focus(); },
        {"aria-pressed": String(one === gate), class: Play.gates[one[0]] ?? "grey"})));
      const k = inputs.indexOf(gate), r = recurs.indexOf(gate), p = cell.own.indexOf(gate);
      const one = (label, array, index) => Play.slider(label, {min: -16, max: 16, step: 0.1, value: array[index]},
        (value) => { array[index] = value; update(); });
      sliders.className = Play.gates[gate[0]] ?? "grey";
      sliders.replaceChildren(...(k < 0 ? [] : [one("bias", P.b, k), ...INPUTS.map((input, d) => one(`from ${input}`, P.W, 3 * k + d))]),
        ...(r < 0 ? [] : [one(k < 0 ? `from gate ${gate.slice(-1)}` : "from h before", P.R, r)]),
        ...(p < 0 ? [] : [one(cell.states.length > 1 ? "peephole on c" : "recurrent bias", P.p, p)]));
    };

    const lines = (found, top, height, low, high, title) => {
      const y = (value) => top + height * (high - value) / (high - low);
      const frame = [Play.draw("rect", {x: LEFT, y: top, width: T * STEP, height, class: "play-frame"}),
        Play.draw("path", {d: `M${LEFT} ${y(0)}h${T * STEP}`, class: "play-zero"}),
        text(LEFT - 6, y(high) + 11, said(high).replace(/\.00$/, ""), {"text-anchor": "end"}),
        text(LEFT - 6, y(low) - 1, said(low).replace(/\.00$/, ""), {"text-anchor": "end"})];
      const key = Object.keys(found).map((one, k, all) =>
        text(WIDTH - 8 - (13 + 7 * Math.max(...all.map((word) => word.length))) * (all.length - 1 - k), top - 5, one, {"text-anchor": "end", class: `play-key ${Play.gates[one[0]] ?? shade(one, k)}`}));
      const cut = Object.values(found).flat().some((value) => !(value < high + 0.005 && value > low - 0.005));
      const where = cut ? ` (cut at ${low === -high ? `±${high}` : `${low} and ${high}`})` : "";
      return [...frame, text(LEFT, top - 5, title + where), ...key, ...Object.entries(found).map(([one, values], k) => Play.draw("path", {
        class: `play-curve ${Play.gates[one[0]] ?? shade(one, k)}`,
        d: values.map((value, t) => `${t ? "V" : `M${LEFT} `}${y(Math.max(low, Math.min(high, value))).toFixed(1)}H${(LEFT + (t + 1) * STEP).toFixed(1)}`).join("")}))];
    };
    const update = () => {
      const found = play(cell, P, x), all = Object.values(found.states).flat().map(Math.abs);
      const most = Math.min(99, Math.max(1, Math.ceil(Math.max(...all.filter(Number.isFinite)))));
      const low = Math.min(0, ...Object.values(found.gates).flat()) < -0.001 ? -1 : 0;
      const shown = Object.fromEntries(Object.entries(found.gates).slice(0, 5));
      const kept = Object.keys(shown), panel = kept.some((one) => one in Play.gates) ? "gates, and what else is kept" : kept.length ? "what the step keeps" : "no gates: the step keeps h alone";
      plots.replaceChildren(Play.draw("rect", {x: middle(at) - STEP / 2, y: 14, width: STEP, height: 466, class: "play-here"}),
        ...lines(shown, 176, 110, low, 1, panel), ...lines(found.states, 316, 160, -most, most, "state"),
        text(LEFT, 496, "step 1"), text(WIDTH - 8, 496, `${T}`, {"text-anchor": "end"}));
      Object.values(strips).forEach((refresh) => refresh());
      const words = ({...shown, ...found.states});
      now.textContent = `Step ${at + 1}: ` + Object.entries(words).map(([one, values]) => `${one} = ${said(values[at])}`).join(", ") + ".";
      box.found = {...found, P, x, name};
    };

    chart.append(plots, strip(0, 20, 74), strip(1, 102, 22), strip(2, 130, 22));
    box.append(first,
      Play.make("div", {class: "play-row"}, Play.choice("Cell", WORDS, name, (chosen) => { name = chosen; reset(); }), starts,
        Play.button("Start again", () => { notes(); reset(); })),
      chart, Play.make("p", {class: "play-legend play-keys"}, "Keys: Tab goes from strip to strip, ← and → from step to step, ↑ and ↓ change the value, the space bar flips it."),
      now, gates, sliders);
    notes();
    reset();
  };
  Play.figure("explorer", mount);
}
