// What the figures that act share: elements, sliders, files that are loaded when they are asked for.
"use strict";
const Play = {
  folder: document.currentScript.src.replace(/[^/]*$/, ""),
  gates: {i: "blue", f: "green", o: "violet", g: "pink", r: "blue", z: "green", n: "pink", m: "violet", q: "violet"},
};

// An element: Play.make("button", {type: "button", onclick: f}, "Back", …); names with a dash or of SVG are attributes.
Play.make = (tag, given = {}, ...children) => Play.fill(document.createElement(tag), given, children);
Play.draw = (tag, given = {}, ...children) =>
  Play.fill(document.createElementNS("http://www.w3.org/2000/svg", tag), given, children);
Play.fill = (element, given, children) => {
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function" || name === "value" || typeof value === "boolean") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

// Put a figure that acts into the place of its picture: <figure class="play-name"><img><figcaption>.
Play.figure = (name, mount) => {
  const start = () => document.querySelectorAll(`figure.play-${name}`).forEach((figure) => {
    const caption = figure.querySelector("figcaption");
    const title = (caption.querySelector(".caption-text") ?? caption).innerText.trim().split(". ")[0];
    const box = Play.make("div", {class: "play", role: "group", "aria-label": title});
    figure.insertBefore(box, caption);
    figure.classList.add("play-acts");
    try {
      mount(box);
      for (const node of caption.querySelector(".caption-text")?.childNodes ?? []) {
        if (node.nodeType !== Node.TEXT_NODE) continue;
        node.textContent = node.textContent.replace(/In the book.s pages this figure is live: (.)/, (_, first) => first.toUpperCase());
      }
    } catch (error) {
      figure.classList.remove("play-acts"); // the picture stays
      box.remove();
      throw error;
    }
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
};

// A button. Play.able(button, false) dims it, and it keeps the focus: a button that is disabled loses it.
Play.button = (words, onclick, given = {}) => {
  const button = Play.make("button", {type: "button", ...given}, words);
  button.onclick = () => button.getAttribute("aria-disabled") === "true" || onclick();
  return button;
};
Play.able = (button, is) => button.setAttribute("aria-disabled", String(!is));

// A number as it is read: a true minus, and no −0.00.
Play.number = (x, digits) => {
  const words = x.toFixed(digits);
  return (Number(words) === 0 ? words.replace("-", "") : words).replace("-", "−");
};

// A labelled slider; `say` gives what stands beside it. set(x) moves it without a call.
Play.slider = (label, {min, max, step, value, say = (x) => Play.number(x, 1)}, onChange) => {
  const input = Play.make("input", {type: "range", min, max, step, value: String(value)});
  const output = Play.make("output");
  const show = () => {
    output.textContent = say(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.oninput = () => (show(), onChange(Number(input.value)));
  show();
  const element = Play.make("label", {class: "play-slider"}, Play.make("span", {}, label), input, output);
  return Object.assign(element, {set: (x) => ((input.value = String(x)), show())});
};

// A list to choose from: choices is name -> words.
Play.choice = (label, choices, value, onChange) => {
  const select = Play.make("select", {onchange: () => onChange(select.value)},
    ...Object.entries(choices).map(([name, words]) => Play.make("option", {value: name}, words)));
  select.value = value;
  return Object.assign(Play.make("label", {class: "play-choice"}, `${label} `, select), {select});
};

// A file of this folder, as a script, so that it comes from file:// as well; once.
Play.loaded = {};
Play.load = (file) => (Play.loaded[file] ??= new Promise((done, failed) => {
  const script = Play.make("script", {src: Play.folder + file, onload: done, onerror: () => failed(new Error(file))});
  document.head.append(script);
}));

// A formula, typeset where MathJax is there.
Play.tex = (element, formula) => {
  element.textContent = `\\(${formula}\\)`;
  const before = Play.typesetting ?? window.MathJax?.startup?.promise; // one after the other
  if (before) Play.typesetting = before.then(() => MathJax.typesetPromise([element])).catch(() => {});
  return element;
};

// Random numbers from a seed: uniform() in [0, 1), normal().
Play.random = (seed) => {
  let state = seed >>> 0;
  const uniform = () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return {uniform, normal};
};
