// The head of the page: whose memory this is, the verdict, and the switches.

import { models, store } from "../app";
import { h, replace } from "../dom";
import { hex } from "../format";
import { t } from "../i18n";
import { icon } from "../icons";
import type { Model } from "../model";
import { searchBox } from "./search";

export function header(actions: { tour: () => void; help: () => void }): { element: HTMLElement; render: () => void } {
  const facts = h("div", { class: "facts" });
  const search = searchBox();
  const buttons = h("div", { class: "buttons" });
  const element = h("header", { class: "top" }, facts, search.element, buttons);
  const render = (): void => {
    replace(facts, models.map((model, n) => side(model, models.length > 1 ? "AB"[n] : "")));
    replace(
      buttons,
      models[0].side.kind === "prediction" ? h("button", { class: "primary", "data-key": "tour", "onclick": actions.tour }, t("tour")) : null,
      h("button", { "data-key": "lang", lang: store.state.lang === "zh" ? "en" : "zh-CN", "onclick": switchLanguage }, t("language")),
      h("button", { class: "icon", "data-key": "theme", "aria-label": t("theme"), title: t("theme"), "onclick": switchTheme }, icon("theme")),
      h("button", { class: "icon", "data-key": "help", "aria-label": t("help"), title: t("help"), "onclick": actions.help }, "?"),
    );
    search.render();
  };
  return { element, render };
}

export function switchLanguage(): void {
  store.set({ lang: store.state.lang === "zh" ? "en" : "zh" });
}

function switchTheme(): void {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  store.set({});
}

function side(model: Model, letter: string): HTMLElement {
  const { name, kernel, outcome, kind } = model.side;
  const verdict = !outcome ? "image" : outcome.boots === null ? "uncertain" : outcome.boots ? "boots" : "dies";
  const place = outcome?.stage ? ` ${t("in_stage", outcome.stage)}` : "";
  const parts = [
    kernel.version ? `Linux ${kernel.version}` : null,
    kernel.cpu,
    kernel.format === "long" ? "LPAE" : null,
    `PAGE_OFFSET ${hex(kernel.pageOffset)}`,
    `PHYS_OFFSET ${hex(kernel.physOffset)}`,
  ];
  return h(
    "div",
    { class: "side" },
    h("h1", {}, letter ? h("span", { class: "letter" }, letter) : null, name),
    h("p", { class: "verdict" }, h("strong", { class: `badge ${verdict}` }, verdict === "image" ? t("image", kind) : t(verdict)), place),
    h("p", { class: "kernel" }, parts.filter(Boolean).join(" · ")),
    outcome?.reason ? h("p", { class: "reason" }, outcome.reason) : null,
  );
}
