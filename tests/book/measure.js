// What tests/book/test_pages.py asks of a page in a browser. All sizes in px.
(() => {
  const article = () => document.querySelector(".bd-article") ?? document.querySelector("main");
  const all = (selector) => [...article().querySelectorAll(selector)];
  const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  const text = (e) => e.textContent.replace(/\s+/g, " ").trim();
  const named = (e) => `${e.tagName.toLowerCase()}${e.id && "#" + e.id} ${text(e).slice(0, 50)}`;

  // Of what stands between left and right: how far it runs out of its boxes (over), what cannot be reached by
  // scrolling (cut). `inside(e)` is called with each box that clips or scrolls, from the inside out.
  const reach = (start, left, right, inside = () => {}) => {
    let over = 0, cut = 0;
    for (let e = start; e !== document.documentElement; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.overflowX === "visible" || style.display === "inline") continue;
      const begin = e.getBoundingClientRect().left + e.clientLeft, end = begin + e.clientWidth;
      inside(e);
      over = Math.max(over, right - end, begin - left);
      const scrolls = ["auto", "scroll"].includes(style.overflowX);
      cut = Math.max(cut, begin - left - e.scrollLeft, scrolls ? 0 : right - end);
      [left, right] = [Math.max(left, begin), Math.min(right, end)];
    }
    return {over, cut: Math.max(cut, -left, right - document.documentElement.clientWidth)};
  };

  window.measure = {
    // MathJax has typeset the page, and what is folded away is open.
    async ready() {
      await window.MathJax?.startup?.promise;
      await window.MathJax?.startup?.document?.lazyTypesetAll?.();
      document.querySelectorAll("details").forEach((e) => (e.open = true));
      document.querySelectorAll(".toggle-hidden").forEach((e) => e.classList.remove("toggle-hidden"));
    },

    // Formulas: besides, the room above the letters (air), and whether there is a scroll bar.
    formulas: () => all(".math").map((box) => {
      const found = {name: box.id || text(box).slice(0, 40), displayed: box.tagName === "DIV", width: 0, over: 0,
                     cut: 0, air: Infinity, bar: false, error: !!box.querySelector("mjx-merror")};
      const math = box.querySelector("mjx-math");
      if (!math) return found;
      const {left, right, top, width} = math.getBoundingClientRect();
      const reached = reach(math.parentElement, left, right, (e) => {
        if (!box.contains(e)) return;
        found.air = Math.min(found.air, top - e.getBoundingClientRect().top);
        found.bar ||= e.offsetWidth - e.clientWidth > 2 || e.offsetHeight - e.clientHeight > 2;
      });
      return {...found, ...reached, width};
    }),

    // Code, outputs, tables, pictures, numbers of equations.
    boxes: () => all("pre, table, img, svg:not(mjx-container svg), .eqno, code:not(pre code), iframe")
      .filter((e) => seen(e) && !e.closest(".toggle-button, button, a.headerlink")).map((e) => {
        const range = document.createRange();
        range.selectNodeContents(e);
        const whole = e.getBoundingClientRect(), inner = range.getBoundingClientRect();
        const right = e.matches("pre, code") ? Math.max(inner.right, whole.left + e.scrollWidth) : whole.right;
        return {name: named(e), kind: e.tagName, ...reach(e, whole.left, e.matches("pre, code") ? inner.right : right)};
      }).filter((found) => found.over > 1 || found.cut > 1),

    sideways: () => document.scrollingElement.scrollWidth - document.documentElement.clientWidth,

    ids() {
      const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
      return {all: [...new Set(ids)], twice: ids.filter((id, k) => ids.indexOf(id) !== k)};
    },

    // What is pressed to open and to close: each needs a name of its own.
    names: () => all("button.toggle-button, details > summary").map((e) => e.ariaLabel || text(e)),

    // Where the Tab key stops because of a formula. What scrolls has to be reached by a key; nothing else has.
    stops: () => all(".math, .math *").filter((e) => e.tabIndex >= 0 && seen(e) && e.scrollWidth <= e.clientWidth)
      .map(named),

    links: () => [...document.querySelectorAll("a[href]")].map((e) => new URL(e.getAttribute("href"), location).href),
    images: () => [...document.images].filter((e) => e.complete && !e.naturalWidth).map((e) => e.src),

    theme(name) {
      document.documentElement.dataset.theme = document.documentElement.dataset.mode = name;
    },

    // What axe-core calls serious or critical; or only what it says of colours. Formulas have those of their sentence.
    async axe(colours) {
      const options = {resultTypes: ["violations"], preload: false, rules: {"label-content-name-mismatch": {enabled: true}}};
      if (colours) options.runOnly = ["color-contrast", "link-in-text-block"];
      const {violations} = await axe.run({exclude: [["mjx-container"]]}, options);
      return violations.filter((v) => ["serious", "critical"].includes(v.impact))
        .flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
    },
  };
})();
