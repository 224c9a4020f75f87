// The tables below the pictures, one a tab.

import { models, store } from "../app";
import { h, replace, type Child } from "../dom";
import { t } from "../i18n";
import { differences } from "./differences";
import { calls, findings, kernelLog, layout, loads, memory, rules, types, zones } from "./panels";
import type { Model } from "../model";

const PANELS: Record<string, (model: Model) => Child> = { findings, memory, layout, types, zones, loads, calls, rules, log: kernelLog };

export function tabs(): { element: HTMLElement; render: () => void } {
  const list = h("div", { class: "tabs", role: "tablist" });
  const panel = h("div", { role: "tabpanel", id: "tab-panel", tabindex: 0, "aria-labelledby": "tab-findings" });
  const element = h("section", { class: "panel lists", id: "lists", tabindex: -1 }, list, panel);
  const names = (): string[] => [...(models.length > 1 ? ["differences"] : []), ...Object.keys(PANELS)];
  list.addEventListener("keydown", (event) => {
    const all = names();
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const to = all[(all.indexOf(store.state.tab) + move + all.length) % all.length];
    store.set({ tab: to });
    document.getElementById(`tab-${to}`)?.focus();
  });
  const render = (): void => {
    const all = names();
    const shown = all.includes(store.state.tab) ? store.state.tab : all[0];
    list.setAttribute("aria-label", t("why"));
    replace(
      list,
      all.map((name) => {
        const bad = name === "findings" ? Math.max(...models.map((m) => m.side.findings.length)) : 0;
        return h(
          "button",
          {
            id: `tab-${name}`, role: "tab", "data-key": `tab-${name}`, "aria-selected": String(name === shown),
            "aria-controls": "tab-panel", tabindex: name === shown ? 0 : -1, "onclick": () => store.set({ tab: name }),
          },
          t(`tab_${name}`), bad ? h("span", { class: "count" }, bad) : null,
        );
      }),
    );
    panel.setAttribute("aria-labelledby", `tab-${shown}`);
    panel.className = `tab-${shown}`;
    replace(
      panel,
      shown === "differences"
        ? differences()
        : h("div", { class: models.length > 1 ? "two" : "" }, models.map((model, n) => h("div", {}, models.length > 1 ? h("h3", { class: "which" }, `${"AB"[n]}: ${model.side.name}`) : null, PANELS[shown](model)))),
    );
  };
  return { element, render };
}
