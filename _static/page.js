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

  // A formula inside a sentence shrinks to the line, to seven tenths at most, and keeps the stop or comma that follows it.
  const least = 0.7;
  const fit = (e) => {
    if (e.style.fontSize) e.style.fontSize = "";
    if (e.scrollWidth > e.clientWidth + 1) e.style.fontSize = `${100 * Math.max(least, e.clientWidth / e.scrollWidth - 0.01)}%`;
  };
  for (const e of document.querySelectorAll(".bd-article span.math")) {
    const [mark] = /^[.,;:!?)’”"]+/.exec(e.nextSibling?.nodeType === Node.TEXT_NODE ? e.nextSibling.data : "") ?? [];
    if (!mark) continue;
    const held = document.createElement("span");
    held.className = "held";
    e.nextSibling.data = e.nextSibling.data.slice(mark.length);
    e.replaceWith(held);
    held.append(e, mark);
  }

  // The bibliography ties the words of a name together, and whole lists of names with them.
  for (const e of document.querySelectorAll("div.citation p")) {
    for (const part of e.childNodes) if (part.nodeType === Node.TEXT_NODE) part.data = part.data.replaceAll("\u00a0", " ");
  }

  // What is wider than its box all the same is scrolled by keys, too, and fades where it goes on; nothing else stops the Tab key.
  const boxes = "pre, div.math, div.math mjx-container, span.math, .cell_output .output, .pst-scrollable-table-container, div.chapter-map";
  const fade = (e) => e.classList.toggle("goes-on", e.tabIndex === 0 && e.scrollLeft + e.clientWidth < e.scrollWidth - 2);
  const scrolls = new ResizeObserver((changed) => changed.forEach(({ target: e }) => {
    if (e.clientWidth && e.matches("span.math")) fit(e);
    if (e.clientWidth && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible") e.tabIndex = 0;
    else e.removeAttribute("tabindex");
    if (!e.matches("pre")) fade(e);
  }));
  document.addEventListener("scroll", ({ target: e }) => e.matches?.(boxes) && !e.matches("pre") && fade(e), true);
  const watch = () => document.querySelectorAll(boxes).forEach((e) => scrolls.observe(e));
  watch();
  window.addEventListener("load", () => window.MathJax?.startup?.promise.then(() => {
    scrolls.disconnect();  // a formula may have shrunk in a box that has not
    watch();
  }));
})();
