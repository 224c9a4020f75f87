// How the results of a search are ordered: Sphinx's own scores, and who searched from a Chinese page sees Chinese
// pages first (the form there says prefer=zh).
var Scorer = {
  score: ([page, , , , score]) =>
    score + (new URLSearchParams(location.search).get("prefer") === "zh" && page.startsWith("zh/") ? 1000 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
