// How the search ranks what it finds (html_search_scorer of Sphinx): chapters that derive a thing come before those
// that use it, the hunt for bugs and the pages to look things up in come last.
var Scorer = {
  weight: (page) => {
    if (/\/derive\//.test(page)) return 3;
    if (/\/start\//.test(page)) return 2;
    if (/find-the-bug/.test(page)) return 0.4;
    if (/\/back\/glossary/.test(page)) return 1.5;
    if (/\/back\//.test(page)) return 0.5;
    return /genindex/.test(page) ? 0.1 : 1;
  },
  score: ([page, title, anchor, about, score]) => score * Scorer.weight(page),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
