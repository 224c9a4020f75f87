// The guided walk: a card with the text, and the views set for each step.

import { models, store } from "../app";
import { h, replace, rich, type Child } from "../dom";
import { t } from "../i18n";
import { icon } from "../icons";
import { EN } from "./en";
import { STEPS, type Step, type Text } from "./steps";
import { ZH } from "./zh";

let shown = "";

export function tourOpen(): void {
  if (models[0].side.kind !== "prediction") return; // an image has no steps to walk through
  go(Math.max(0, STEPS.findIndex((step) => step.name === store.state.tour)));
}

export function tourClose(): void {
  if (store.state.tour) store.set({ tour: null });
}

function go(n: number): void {
  const step = STEPS[n];
  if (!step) return;
  const view = step.view(models[0]);
  store.set({ tour: step.name, stage: view.stage, selection: view.selection, ...(view.tab ? { tab: view.tab } : {}) });
}

/** A link that names a step and no stage shows what the step is about. */
export function tourStart(): void {
  const named = new URLSearchParams(location.hash.slice(1));
  const n = STEPS.findIndex((step) => step.name === named.get("tour"));
  if (n >= 0 && !named.has("stage") && models[0].side.kind === "prediction") go(n);
}

export function textOf(step: Step): Text {
  const text = (store.state.lang === "zh" ? ZH : EN)[step.name];
  const numbers = step.numbers(models[0]);
  const put = (words: string): string => words.replace(/\{(\w+)\}/g, (whole, name: string) => numbers[name] ?? whole);
  return { title: text.title, text: text.text.map(put), versions: put(text.versions), question: put(text.question), answer: put(text.answer) };
}

export function tour(): { element: HTMLElement; render: () => void } {
  const element = h("aside", { class: "tour", hidden: true });
  const render = (): void => {
    const n = models[0].side.kind === "prediction" ? STEPS.findIndex((step) => step.name === store.state.tour) : -1;
    element.hidden = n < 0;
    document.body.classList.toggle("touring", n >= 0);
    for (const panel of document.querySelectorAll(".in-focus")) panel.classList.remove("in-focus");
    if (n < 0) {
      shown = "";
      return;
    }
    const step = STEPS[n];
    const text = textOf(step);
    const place = step.view(models[0]).place;
    const panel = document.querySelector<HTMLElement>(place === "timeline" ? ".timeline" : `.panel.${place}`);
    panel?.classList.add("in-focus");
    element.classList.toggle("left", place === "why"); // beside what it speaks of, not over it
    element.setAttribute("aria-label", t("tour"));
    replace(
      element,
      h("div", { class: "tour-head" }, h("small", {}, t("tour_step", n + 1, STEPS.length)), h("button", { class: "icon", "data-key": "tour-close", "aria-label": t("tour_end"), title: t("tour_end"), "onclick": tourClose }, icon("close"))),
      h("h2", {}, text.title),
      h("div", { class: "tour-text" }, text.text.map((paragraph) => h("p", {}, rich(paragraph)))),
      h("dl", {}, part("tour_function", h("code", {}, step.kernel)), part("tour_versions", rich(text.versions))),
      h("details", { "data-key": "tour-details" }, h("summary", {}, h("strong", {}, t("tour_question")), " ", rich(text.question)), h("p", {}, h("strong", {}, t("tour_answer")), " ", rich(text.answer))),
      h(
        "div",
        { class: "tour-foot" },
        h("button", { "data-key": "tour-previous", disabled: n === 0, "onclick": () => go(n - 1) }, "← ", t("tour_previous")),
        h("div", { class: "tour-dots", "aria-hidden": "true" }, STEPS.map((_, i) => h("span", { class: i === n ? "on" : "" }))),
        n + 1 < STEPS.length
          ? h("button", { class: "primary", "data-key": "tour-next", "onclick": () => go(n + 1) }, t("tour_next"), " →")
          : h("button", { class: "primary", "data-key": "tour-next", "onclick": tourClose }, t("tour_end")),
      ),
    );
    if (shown !== step.name) {
      shown = step.name;
      element.scrollTop = 0;
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const behavior = calm ? "auto" : "smooth";
      const picture = place === "directory" ? panel?.querySelector("canvas") : null;
      const room = element.getBoundingClientRect().top;
      const box = picture?.getBoundingClientRect();
      const over = box && box.right > element.getBoundingClientRect().left && box.height > room - 40;
      // Where the card would cover the kernel's part, the picture's last rows stand just above the card.
      if (box && over) window.scrollBy({ top: box.bottom - room + 8, behavior });
      else panel?.scrollIntoView({ block: "start", behavior });
    }
  };
  return { element, render };
}

const part = (key: string, ...value: Child[]): Child => [h("dt", {}, t(key)), h("dd", {}, value)];
