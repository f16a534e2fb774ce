// What the theme leaves to be done when a page has loaded.
(() => {
  if (window.isMended) return; // Jupyter Book loads this file twice
  window.isMended = true;

  const words = (e) => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll("button, .math").forEach((x) => x.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  };

  // What is pressed to open and to close: each has a name of its own, for those who hear the page.
  let exercise = "", cells = 0;
  for (const e of document.querySelectorAll(".bd-article .admonition-title, .bd-article details > summary")) {
    const box = e.parentElement, button = e.querySelector(":scope > .toggle-button");
    if (box.matches(".exercise")) exercise = words(e);
    if (button) button.ariaLabel = box.matches(".hint") ? `${words(e)}: ${exercise}` : words(e);
    if (e.matches("summary")) e.ariaLabel = `${words(e)}, ${(cells += 1)}`;
  }

  // What is wider than its box is scrolled by keys, too; nothing else stops the Tab key.
  const boxes = "pre, div.math, div.math mjx-container, span.math, .cell_output .output, .pst-scrollable-table-container";
  const scrolls = new ResizeObserver((changed) => changed.forEach(({ target: e }) => {
    if (e.clientWidth && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible") e.tabIndex = 0;
    else e.removeAttribute("tabindex");
  }));
  const watch = () => document.querySelectorAll(boxes).forEach((e) => scrolls.observe(e));
  watch();
  window.addEventListener("load", () => window.MathJax?.startup?.promise.then(() => {
    scrolls.disconnect();  // a formula may have shrunk in a box that has not
    watch();
  }));
})();
