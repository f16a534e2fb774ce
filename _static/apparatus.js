// What is shown while one points at a formula or a reference, reading progress, and excerpts of a search.
// Loaded on every page, twice by some builds: it does its work once.
"use strict";

window.apparatus ??= (() => {
  // ---- a note beside what one points at, or what has the focus -----------------------------------------------------
  const note = document.createElement("div");
  note.className = "apparatus-note";
  note.setAttribute("role", "tooltip");
  note.hidden = true;

  function show(element) {
    const { tex, symbols } = element.dataset;
    if (!tex && !symbols) return;
    note.textContent = tex ? `\\[${tex}\\]` : symbols.replaceAll("; ", "\n");
    note.classList.toggle("is-formula", Boolean(tex));
    note.hidden = false;
    const typeset = tex && window.MathJax?.typesetPromise;
    if (typeset) {
      note.className = "apparatus-note is-formula tex2jax_process mathjax_process";
      window.MathJax.typesetPromise([note]).then(() => place(element));
    }
    place(element);
  }

  function place(element) {
    const box = element.getBoundingClientRect(), wide = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(box.left, wide - note.offsetWidth - 8));
    const above = box.top - note.offsetHeight - 8;
    note.style.left = `${left + window.scrollX}px`;
    note.style.top = `${(above > 0 ? above : box.bottom + 8) + window.scrollY}px`;
  }

  function hide() {
    note.hidden = true;
  }

  function watch() {
    document.body.append(note);
    const those = "a[data-tex], .math[data-symbols]";
    let waiting;
    document.addEventListener("mouseover", (event) => {
      clearTimeout(waiting);
      const element = event.target.closest?.(those);
      if (element) waiting = setTimeout(() => show(element), 350);
      else if (!note.contains(event.target)) hide();
    });
    document.addEventListener("focusin", (event) => {
      if (event.target.matches("a[data-tex]")) show(event.target);
    });
    document.addEventListener("focusout", hide);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
    });
  }

  // ---- which chapters were read to the end -------------------------------------------------------------------------
  const KEY = "back-through-time-read";

  function read() {
    try {
      return new Set(JSON.parse(localStorage.getItem(KEY) || "[]"));
    } catch {
      return new Set(); // no storage, or none that may be used
    }
  }

  function keep(pages) {
    try {
      localStorage.setItem(KEY, JSON.stringify([...pages]));
    } catch {
      // then the page forgets
    }
  }

  const name = (url) => new URL(url, location.href).pathname.split("/").slice(-2).join("/");

  function chapters() {
    const links = [...document.querySelectorAll(".bd-links .toctree-l1 > a.reference.internal")];
    return links.filter((link) => !/\/back\/|genindex/.test(link.href));
  }

  function mark() {
    const pages = read();
    for (const link of chapters()) {
      const done = pages.has(name(link.href)), there = link.querySelector(".is-read");
      if (done && !there) {
        link.insertAdjacentHTML("beforeend", '<span class="is-read" title="read to the end"> ✓</span>');
      } else if (!done) there?.remove();
    }
    const place = document.getElementById("reading-progress");
    if (!place) return;
    place.replaceChildren();
    if (!pages.size) return;
    const all = chapters(), next = all.find((link) => !pages.has(name(link.href)));
    place.append(`You have read ${all.filter((link) => pages.has(name(link.href))).length} of ${all.length} chapters`);
    if (next) {
      const link = document.createElement("a");
      link.href = next.href;
      link.textContent = next.firstChild.textContent.trim();
      place.append("; go on with ", link);
    }
    const forget = document.createElement("button");
    forget.textContent = "Forget this";
    forget.addEventListener("click", () => {
      keep([]);
      mark();
    });
    place.append(". ", forget);
  }

  function follow() {
    mark();
    const end = document.querySelector(".prev-next-area, .prev-next-footer");
    if (!end || !chapters().some((link) => name(link.href) === name(location.href))) return;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting) || window.scrollY === 0) return;
      observer.disconnect();
      keep(read().add(name(location.href)));
      mark();
    });
    observer.observe(end);
  }

  // ---- excerpts of a search: formulas in plain text ----------------------------------------------------------------
  function excerpts() {
    if (typeof Search === "undefined") return;
    const original = Search.htmlToText;
    Search.htmlToText = (text, anchor) => {
      const page = new DOMParser().parseFromString(text, "text/html");
      page.querySelectorAll("span.math").forEach((e) => (e.textContent = e.dataset.plain ?? ""));
      page.querySelectorAll("div.math, div.cell, pre, #jb-print-docs-body, .used-in, .run-it, noscript, script, style").forEach((e) => e.remove());
      const place = anchor && page.getElementById(anchor.slice(1));
      if (place && !place.textContent.trim()) return place.parentElement.textContent.replace(/\s+/g, " ");
      return original(page.documentElement.outerHTML, anchor).replace(/\s+/g, " ");
    };
  }

  document.addEventListener("DOMContentLoaded", () => {
    excerpts();
    watch();
    follow();
  });
  return true;
})();
