// The scan: carries any cell through time and back, as lstm_core/scan.py does, with its letters and shapes:
// W (G*H, D), R (G*H, H), b (G*H), p (K, H), x (T, D, B), h (T, H, B), one row after the other in a Float64Array.
"use strict";
Play.layer = (cell, {T, D, H, B = 1}) => {
  const n = H * B, plane = () => new Float64Array(n), planes = (count) => Array.from({length: count}, plane);
  let inputs = 0, recurs = 0;
  const parts = cell.stages.map((stage) => {
    const part = {stage, W: inputs, R: recurs, a: planes(stage.inputs.length), u: planes(stage.recurs.length),
                  da: planes(stage.inputs.length), du: planes(stage.recurs.length), dp: planes(cell.own.length),
                  before: planes(stage.takes)};
    inputs += stage.inputs.length;
    recurs += stage.recurs.length;
    return part;
  });
  const steps = Array.from({length: T}, () => parts.map(({stage}) =>
    ({q: null, after: planes(stage.hands), kept: planes(stage.keeps.length)})));
  const zero = planes(cell.states.length), p = planes(cell.own.length), dn = plane();
  const sizes = {W: inputs * H * D, R: recurs * H * H, b: inputs * H, p: cell.own.length * H};
  let at = null; // where the last forward pass was: P and x

  // out[g] = M's rows of gate `first + g`, times X (columns, B), plus bias
  const product = (M, first, columns, X, out, bias) => out.forEach((plane, g) => {
    for (let j = 0; j < H; j++) {
      const row = (first + g) * H + j, start = j * B;
      plane.fill(bias ? bias[row] : 0, start, start + B);
      for (let c = 0; c < columns; c++) {
        const m = M[row * columns + c];
        for (let k = 0; k < B; k++) plane[start + k] += m * X[c * B + k];
      }
    }
  });
  // and back: dM += d X^T, dX += M^T d
  const productBack = (M, dM, first, columns, X, dX, d) => d.forEach((plane, g) => {
    for (let j = 0; j < H; j++) {
      const row = (first + g) * H + j, start = j * B;
      for (let c = 0; c < columns; c++) {
        const m = M[row * columns + c];
        let sum = 0;
        for (let k = 0; k < B; k++) {
          sum += plane[start + k] * X[c * B + k];
          dX[c * B + k] += m * plane[start + k];
        }
        dM[row * columns + c] += sum;
      }
    }
  });

  const forward = (P, x, state = zero) => {
    p.forEach((plane, k) => {
      for (let j = 0; j < H; j++) plane.fill(P.p ? P.p[k * H + j] : 0, j * B, (j + 1) * B);
    });
    at = {P, x};
    const h = new Float64Array(T * n);
    for (let t = 0; t < T; t++) {
      parts.forEach((part, k) => {
        const {q, after, kept} = Object.assign(steps[t][k], {q: state[0]});
        product(P.W, part.W, D, x.subarray(t * D * B, (t + 1) * D * B), part.a, P.b);
        product(P.R, part.R, H, q, part.u);
        part.stage.step(n, part.a, part.u, state, p, after, kept);
        state = after;
      });
      h.set(state[0], t * n);
    }
    return {h, state, steps};
  };

  const backward = (dh, dstate = zero) => {
    const {P, x} = at, dx = new Float64Array(x.length);
    const grads = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, new Float64Array(size)]));
    let ds = dstate.map((d) => d.slice());
    for (let t = T - 1; t >= 0; t--) {
      for (let k = 0; k < n; k++) ds[0][k] += dh[t * n + k];
      for (let k = parts.length - 1; k >= 0; k--) {
        const {stage, W, R, da, du, dp, before} = parts[k], {q, kept} = steps[t][k];
        dp.forEach((plane) => plane.fill(0));
        stage.back(n, ds, kept, p, da, du, before, dp);
        dn.fill(0);
        productBack(P.R, grads.R, R, H, q, dn, du);
        productBack(P.W, grads.W, W, D, x.subarray(t * D * B, (t + 1) * D * B), dx.subarray(t * D * B, (t + 1) * D * B), da);
        da.forEach((plane, g) => plane.forEach((d, m) => { grads.b[(W + g) * H + Math.floor(m / B)] += d; }));
        dp.forEach((plane, g) => plane.forEach((d, m) => { grads.p[g * H + Math.floor(m / B)] += d; }));
        ds = before.map((plane) => plane.slice());
        for (let m = 0; m < n; m++) ds[0][m] += dn[m];
      }
    }
    return {...grads, dx, dstate: ds};
  };
  return {forward, backward, sizes, steps};
};
