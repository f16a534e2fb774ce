// Prove it yourself: the reader changes a line of a step or a back, and the page proves it or refutes it.
"use strict";
{
  const PATIENCE = 60; // seconds for a proof
  const SLIPS = [[/ \+ (?=[^,)]*$)/m, " - "], [/\(1 - (\w+)\)/, "(1 + $1)"], [/(\w+) \* \1\)/, "$1)"], [/dc \* f\b/, "dc * i"],
    [/c_prev \* f \*/, "c * f *"], [/dh \* tanh_c/, "dh * c"], [/\(h_prev - n\)/, "(n - h_prev)"], [/dn_bar \* m/, "dn_bar * n"],
    [/\(1 - (\w+) \* \1\)/, "(1 + $1 * $1)"], [/\(1 - (\w+) \* \1\)/, "$1 * (1 - $1)"], [/\(1 - (\w+) \* \1\)/, "($1 * $1 - 1)"]];
  const CHANGED = "Changed; not proven yet.";

  const mount = (box) => {
    let name = "rnn", worker = null, timer = null, asked = null; // asked: the text that is being proven
    const code = Play.make("textarea", {rows: 27, spellcheck: false, autocapitalize: "off", autocomplete: "off", wrap: "off",
      "aria-label": "step and back, in Python. Control and Enter prove.", oninput: () => { if (asked === null) say(CHANGED); }});
    const verdict = Play.make("div", {class: "play-verdict", role: "status"});
    const prove = Play.button("Prove", () => ask(), {class: "play-main"});
    const fill = () => {
      code.value = Play.proven[name].text;
      code.rows = code.value.split("\n").length;
    };
    const say = (words, colour = "grey") => {
      verdict.className = `play-verdict ${colour}`;
      verdict.textContent = words;
    };
    const done = () => {
      clearTimeout(timer);
      asked = null;
      Play.able(prove, true);
    };
    const end = (words) => {
      worker?.terminate();
      worker = null;
      done();
      say(words, "lit");
    };
    const listen = ({data}) => {
      if (data.state) {
        clearTimeout(timer);
        if (data.state.startsWith("The proof")) timer = setTimeout(() => end(`Stopped after ${PATIENCE} seconds.`), 1000 * PATIENCE);
        return say(data.state);
      }
      if (data.failed) return end(`Python could not be loaded: ${data.failed}`);
      const {kind, words, seconds} = data.verdict, heads = {proven: "Proven.", refuted: "Refuted.", stopped: "Not run."};
      if (code.value === asked) say(`${heads[kind]} ${words}\n(${seconds.toFixed(1)} s)`, kind === "proven" ? "green" : "lit");
      else say(CHANGED);
      box.found = data.verdict;
      done();
    };
    const ask = () => {
      if (location.protocol === "file:") {
        return say("A browser lets no page load Python from a file. Run `make serve` in the book's folder, and open this "
          + "page at the address that it prints.", "lit");
      }
      asked = code.value;
      Play.able(prove, false);
      box.found = null;
      if (!worker) {
        say("Loading …");
        worker = new Worker(`${Play.folder}prove-worker.mjs`, {type: "module"});
        worker.onmessage = listen;
        worker.onerror = () => end("Python is not part of this build of the book: npm was missing when it was made. "
          + "With npm installed, `make book` after the folder vendor/pyodide is removed puts it in.");
      }
      worker.postMessage({judge: Play.judge, text: asked, cell: Play.proven[name]});
    };
    const slip = () => {
      const text = Play.proven[name].text, from = text.indexOf("\ndef ", 5), back = text.slice(from).split("\n");
      const able = back.flatMap((line, k) => (/ = .*[*]/.test(line) ? SLIPS.filter(([find]) => find.test(line)).map((one) => [k, one]) : []));
      const [k, [find, put]] = able[Math.floor(Math.random() * able.length)];
      back[k] = back[k].replace(find, put);
      code.value = text.slice(0, from) + back.join("\n");
      say("There is one slip in back now. Do you see it? Prove shows whether it matters, and where.");
    };
    code.onkeydown = (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && asked === null) ask();
    };
    const names = Object.fromEntries(Object.entries(Play.proven).map(([key, cell]) => [key, cell.name]));
    box.append(Play.make("p", {class: "play-try"}, "Try this first: press ", Play.make("b", {}, "Prove"),
        ". Then change a ", Play.make("code", {}, "-"), " in back into a ", Play.make("code", {}, "+"), ", or let a slip be made, and prove again."),
      Play.make("div", {class: "play-row"}, Play.choice("Cell", names, name, (chosen) => { name = chosen; fill(); say(""); })),
      code, Play.make("div", {class: "play-row"}, prove, Play.button("Make a slip", slip), Play.button("As it ships", () => { fill(); say(""); })), verdict);
    fill();
    say("The first proof loads Python and SymPy from this site, 18 MB; it takes some seconds.");
  };
  Play.figure("prove", mount);
}
