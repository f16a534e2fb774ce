// Backward, step by step: what comes back along each arrow of a two-step graph, and what goes wrong without one.
"use strict";
{
  const CELLS = {rnn: "vanilla RNN", lstm: "LSTM", peephole: "LSTM with peepholes", gru: "GRU, reset after",
                 "gru-before": "GRU, reset before"};
  const SLOPE = [0.5, 1]; // the loss's own derivatives by h_t and h_{t+1}
  const said = (x) => Play.number(x, 4);
  const plain = (name) => name.replace("_bar", "-bar").replace("@0", " of step t").replace("@1", " of step t+1").replace("_", " ");

  // All values of a run of two steps, for one unit, one input, one example; the same for everybody.
  const run = (graph) => {
    const {normal} = Play.random(5), cell = Play.cells[graph.cell], of = (gates) => Float64Array.from(gates, normal);
    const gates = (key) => cell.stages.flatMap((stage) => stage[key]);
    const P = {W: of(gates("inputs")), R: of(gates("recurs")), b: of(gates("inputs")), p: of(cell.own)};
    if (!graph.own) P.p.fill(0);
    const x = Float64Array.of(0.8, -0.6), state = cell.states.map((_, k) => Float64Array.of([0.3, 0.7][k]));
    const v = {"x@0": x[0], "x@1": x[1], slope: SLOPE};
    cell.states.forEach((name, k) => { v[`${name}@-1`] = state[k][0]; });
    gates("inputs").forEach((gate, k) => { v[`W_${gate}`] = P.W[k]; v[`b_${gate}`] = P.b[k]; });
    gates("recurs").forEach((gate, k) => { v[`R_${gate}`] = P.R[k]; });
    cell.own.forEach((gate, k) => { v[`p_${gate}`] = P.p[k]; });
    for (const id of graph.order) v[id] = graph.variables[id].formula(v);
    const layer = Play.layer(cell, {T: 2, D: 1, H: 1});
    layer.forward(P, x, state);
    const grads = layer.backward(Float64Array.from(SLOPE)), shipped = {"x@0": grads.dx[0], "x@1": grads.dx[1]};
    gates("inputs").forEach((gate, k) => { shipped[`W_${gate}`] = grads.W[k]; shipped[`b_${gate}`] = grads.b[k]; });
    gates("recurs").forEach((gate, k) => { shipped[`R_${gate}`] = grads.R[k]; });
    if (graph.own) cell.own.forEach((gate, k) => { shipped[`p_${gate}`] = grads.p[k]; });
    return {v, shipped};
  };

  // The derivative of the loss by every variable: the sum over the arrows that leave it, but for those that are off.
  const sums = (graph, v, order, off = new Set()) => {
    const d = {L: 1};
    for (const id of order) {
      d[id] = 0;
      graph.arrows.forEach((arrow, k) => {
        if (arrow.tail === id && !off.has(k)) d[id] += (d[arrow.tip] ?? 0) * arrow.factor(v);
      });
    }
    return d;
  };

  const letters = ({name, step}) => {
    const [letter, rest = ""] = name.split("_"), bar = rest === "bar";
    const index = step === null ? (rest === "h" && letter !== "p" ? "" : rest) : ["t", "t+1"][step] ?? "";
    const bold = letter === letter.toLowerCase() && letter !== "L" ? "font-weight:700" : "font-style:italic";
    const text = Play.draw("text", {"text-anchor": "middle", "font-size": 24});
    text.append(Play.draw("tspan", {style: bold + (bar ? ";text-decoration:overline" : "")}, letter));
    if (name !== "L" && index) text.append(Play.draw("tspan", {"font-size": 15, dy: 6}, index));
    return text;
  };

  const curve = ([ax, ay, cx, cy, bx, by], kind) => {
    const length = Math.hypot(bx - cx, by - cy) || 1, [ux, uy] = [(bx - cx) / length, (by - cy) / length];
    const head = kind === "back" ? 10 : 7, [mx, my] = [bx - head * ux, by - head * uy], half = head * 0.45;
    return Play.draw("g", {class: `play-arrow play-${kind}`},
      Play.draw("path", {class: "play-line", d: `M${ax} ${ay}Q${cx} ${cy} ${mx} ${my}`}),
      Play.draw("path", {class: "play-head", d: `M${bx} ${by}L${mx - half * uy} ${my + half * ux}L${mx + half * uy} ${my - half * ux}z`}));
  };

  const mount = (box) => {
    const stage = Play.make("div", {class: "play-stage"}), panel = Play.make("div", {"aria-live": "polite"}), table = Play.make("div", {class: "play-scroll"});
    const back = Play.button("Back", () => go(1), {class: "play-main"}), forth = Play.button("Forth", () => go(-1));
    const all = Play.button("All the way", () => go(1e3)), again = Play.button("Start again", () => start(name));
    const on = Play.button("All arrows on", () => { off.clear(); show(); });
    const first = Play.make("p", {class: "play-try"}), goto = Play.make("span");
    const cells = Play.choice("Cell", CELLS, "peephole", (chosen) =>
      Play.load(`graph-${chosen}.js`).then(() => start(chosen)));
    box.append(
      first, Play.make("div", {class: "play-row"}, cells, back, forth, all, goto, on, again), stage, Play.make("p", {class: "play-legend"},
        "Orange arrows: what has come back; the thick ones are summed below. Dotted: switched off. Struck out: its derivative is wrong."),
      panel, table);
    let name, graph, order, v, shipped, right, off, at, drawn, places;

    const start = (chosen) => {
      [name, graph, off, at] = [chosen, Play.graphs[chosen], new Set(), -1];
      order = [...graph.order.slice().reverse(), "x@1", "x@0", ...graph.parameters];
      ({v, shipped} = run(graph));
      right = sums(graph, v, order);
      const memory = order.includes("c@0") ? "c@0" : "h@0", count = graph.arrows.filter(({tail}) => tail === memory).length;
      first.replaceChildren("Try this first: press ", Play.make("b", {}, "Back"), ` a few times. Then click on the box ${memory[0]} `
        + `at step t, and take away the tick beside one of its ${count} arrows.`);
      places = Play.choice("Go to", {"": "the start", ...Object.fromEntries(order.map((id) => [id, plain(id)]))}, "", (id) => go(order.indexOf(id) - at));
      goto.replaceChildren(places);
      paint();
      show();
    };
    const go = (by) => {
      at = Math.max(-1, Math.min(order.length - 1, at + by));
      show();
    };

    const paint = () => {
      const svg = Play.draw("svg", {viewBox: `0 0 ${graph.width} ${graph.height}`, role: "img",
        "aria-label": `Two steps of the ${graph.name}: who reads whom, and what comes back. The sums stand below.`});
      const forward = new Set();
      drawn = {arrows: [], boxes: {}, svg};
      for (const {curves} of graph.arrows) {
        const key = curves[0].join();
        if (!forward.has(key)) svg.append(curve(curves[0], "forth"));
        forward.add(key);
      }
      for (const {curves} of graph.arrows) {
        const element = curve(curves[1], "back");
        drawn.arrows.push(element);
        svg.append(element);
      }
      const groups = {};
      for (const [id, variable] of Object.entries(graph.variables)) (groups[variable.place.join()] ??= []).push(id);
      for (const ids of Object.values(groups)) {
        const {place: [x, y, width, height], gate} = graph.variables[ids[0]];
        const element = Play.draw("g", {class: `play-box ${Play.gates[gate] ?? ""}`},
          Play.draw("rect", {x: x - width / 2, y: y - height / 2, width, height, rx: 6}));
        if (order.includes(ids[0])) element.onclick = () => go(order.indexOf(ids[0]) - at); // Go to does it by keyboard
        ids.forEach((id, k) => {
          const text = letters(graph.variables[id]);
          text.setAttribute("transform", `translate(${x} ${y + 8 + 29 * (k - (ids.length - 1) / 2)})`);
          if (k) text.onclick = (event) => { event.stopPropagation(); go(order.indexOf(id) - at); };
          element.append(text);
          drawn.boxes[id] = {element, text};
        });
        svg.append(element);
      }
      stage.replaceChildren(svg);
    };

    // The variable that is lit, as a sum: an arrow a line, with a tick to switch it off.
    const lines = (id, d) => {
      const rows = graph.arrows.map((arrow, k) => [arrow, k]).filter(([arrow]) => arrow.tail === id).map(([arrow, k]) => {
        const change = () => { off[tick.checked ? "delete" : "add"](k); show(false); };
        const tick = Play.make("input", {type: "checkbox", checked: !off.has(k), onchange: change,
          "aria-label": `arrow back from ${plain(arrow.tip)}`});
        const value = d[arrow.tip] * arrow.factor(v);
        const formula = Play.tex(Play.make("span"), arrow.tex);
        const number = Play.make("td", {class: "play-number"});
        const row = Play.make("tr", {}, Play.make("td", {}, tick), Play.make("td", {}, formula), number);
        return {row, k, number, tip: arrow.tip, factor: arrow.factor(v), value};
      });
      return rows;
    };
    const fill = (rows, d) => rows.forEach(({k, number, tip, factor, row}) => {
      number.textContent = off.has(k) ? "switched off" : `${said(d[tip])} · ${said(factor)} = ${said(d[tip] * factor)}`;
      row.classList.toggle("play-wrong", off.has(k));
    });

    let rows = [];
    const show = (anew = true) => {
      const d = sums(graph, v, order.slice(0, at + 1), off), id = order[at], reached = new Set(order.slice(0, at + 1));
      const isWrong = (name) => Math.abs(d[name] - right[name]) > 1e-12;
      [back, all].forEach((button) => Play.able(button, at < order.length - 1));
      Play.able(forth, at >= 0);
      Play.able(on, off.size > 0);
      places.select.value = id ?? "";
      if (anew) {
        rows = id ? lines(id, d) : [];
        const head = id ? Play.tex(Play.make("span"), graph.variables[id].d) : "";
        panel.replaceChildren(id
          ? Play.make("div", {}, Play.make("p", {}, head, ` is the sum over ${rows.length === 1 ? "one arrow" : `${rows.length} arrows`} (the value of ${plain(id)} is ${said(v[id])}):`),
              Play.make("div", {class: "play-scroll"}, Play.make("table", {class: "play-terms"}, ...rows.map(({row}) => row))), Play.make("p"))
          : Play.make("p", {}, `The forward pass is done, and every box has its value. The loss reads both outputs: its own `
              + `derivatives by h are ${SLOPE[0]} at step t and ${SLOPE[1]} at step t+1.`));
      }
      fill(rows, d);
      if (id) {
        const last = panel.querySelector("p:last-child");
        last.textContent = `Sum: ${said(d[id])}` + (isWrong(id) ? `, and that is wrong${rows.some(({k}) => off.has(k)) ? "" : ", since what arrives is wrong"}: it should be ${said(right[id])}.` : ".");
        last.classList.toggle("play-wrong", isWrong(id));
      }
      drawn.arrows.forEach((element, k) => {
        const {tail} = graph.arrows[k];
        element.classList.toggle("play-there", reached.has(tail) && !off.has(k));
        element.classList.toggle("play-now", tail === id && !off.has(k));
        element.classList.toggle("play-off", reached.has(tail) && off.has(k));
      });
      Object.values(drawn.boxes).forEach(({element}) => element.classList.remove("play-now"));
      for (const [name, {element, text}] of Object.entries(drawn.boxes)) {
        element.classList.toggle("play-there", reached.has(name));
        if (name === id) element.classList.add("play-now");
        text.classList.toggle("play-now", name === id);
        text.classList.toggle("play-wrong", reached.has(name) && isWrong(name));
      }
      end(d, reached);
      box.found = {d, shipped, right, id};
    };

    // When all are reached: beside the book's own backward pass.
    const end = (d, reached) => {
      table.removeAttribute("tabindex");
      if (at < order.length - 1) return table.replaceChildren();
      const names = [...graph.parameters, "x@0", "x@1"].filter((id) => reached.has(id));
      const wrong = names.filter((id) => Math.abs(d[id] - shipped[id]) > 1e-9);
      const body = names.map((id) => {
        const is = wrong.includes(id), share = Math.abs(d[id] / shipped[id] - 1);
        return Play.make("tr", is ? {class: "play-wrong"} : {}, Play.make("td", {}, Play.tex(Play.make("span"), graph.variables[id].d)),
          Play.make("td", {class: "play-number"}, said(d[id])), Play.make("td", {class: "play-number"}, said(shipped[id])),
          Play.make("td", {}, is ? `off by ${(100 * share).toFixed(1)} %` : "the same"));
      });
      table.replaceChildren(
        Play.make("p", {}, wrong.length
          ? `${wrong.length} of ${names.length} derivatives differ from those of the book's backward pass.`
          : `All ${names.length} derivatives are those of the book's backward pass, run on the same numbers.`),
        Play.make("table", {}, Play.make("tr", {}, ...["", "sum over arrows", "backward pass", ""].map((w) => Play.make("th", {scope: "col"}, w))), ...body));
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0; // scrolled by keys
    };
    start("peephole");
  };
  Play.figure("backward", mount);
}
