// Tables of rows, which scroll sideways in themselves on narrow screens.

import { h, type Child } from "../dom";

const MOST = 400; // rows that are drawn at once

export function table(caption: string, heads: string[], rows: Child[][], marked: (n: number) => boolean = () => false): HTMLElement {
  const shown = rows.slice(0, MOST);
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: "rows" },
      h("caption", {}, caption, rows.length > MOST ? ` (${MOST} / ${rows.length})` : null),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, shown.map((row, n) => h("tr", { class: marked(n) ? "marked" : null }, row.map((cell) => h("td", {}, cell))))),
    ),
  );
}
