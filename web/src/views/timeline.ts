// The stages in a row: played, stepped, scrubbed; and what each changed.

import { goTo, models, placeOn, select, store } from "../app";
import { h, replace, type Child } from "../dom";
import { icon } from "../icons";
import { hex } from "../format";
import { count, t } from "../i18n";

const PACE = 1100; // ms between stages while playing
const SHOWN = 3; // memblock calls named in the line

let timer = 0;

export const playing = (): boolean => timer !== 0;

export function togglePlay(): void {
  if (timer) {
    window.clearInterval(timer);
    timer = 0;
    store.set({});
    return;
  }
  const last = models[0].side.stages.length - 1;
  if (placeOn(models[0]) === last) goTo(0);
  timer = window.setInterval(() => {
    const place = placeOn(models[0]);
    if (place + 1 >= last) {
      window.clearInterval(timer);
      timer = 0;
    }
    goTo(place + 1);
    store.set({});
  }, PACE);
  store.set({});
}

export function step(by: number): void {
  goTo(placeOn(models[0]) + by);
}

export function timeline(): { element: HTMLElement; render: () => void } {
  const element = h("nav", { class: "timeline" });
  const model = models[0];
  const range = h("input", {
    type: "range", min: 0, max: Math.max(0, model.side.stages.length - 1), step: 1, "data-key": "scrub",
    "oninput": () => goTo(Number(range.value)),
  });
  const controls = h("div", { class: "controls" });
  const list = h("ol", { class: "stages" });
  const changed = h("div", { class: "changed", "aria-live": "polite" });
  element.append(h("div", { class: "bar" }, controls, range), list, changed);
  const render = (): void => {
    const place = placeOn(model);
    const { stages } = model.side;
    element.setAttribute("aria-label", t("timeline"));
    range.value = String(place);
    range.setAttribute("aria-label", t("stage"));
    range.setAttribute("aria-valuetext", stages[place].name);
    const button = (key: "first" | "previous" | "next", act: () => void, off: boolean): Child =>
      h("button", { class: "icon", "data-key": key, "aria-label": t(key), title: t(key), disabled: off, "onclick": act }, icon(key));
    replace(
      controls,
      button("first", () => goTo(0), place === 0),
      button("previous", () => step(-1), place === 0),
      h("button", { class: "icon primary", "data-key": "play", "aria-label": t(playing() ? "pause" : "play"), title: t(playing() ? "pause" : "play"), "onclick": togglePlay }, icon(playing() ? "pause" : "play")),
      button("next", () => step(1), place === stages.length - 1),
    );
    const outcome = model.side.outcome;
    replace(
      list,
      stages.map((stage, n) => {
        const { words, operations } = model.changes(n);
        const dead = outcome?.boots !== true && outcome?.stage === stage.name;
        return h(
          "li",
          { class: [n < place ? "past" : n === place ? "now" : "", dead ? "dead" : ""].join(" ") },
          h(
            "button",
            {
              "data-key": `stage-${n}`, "aria-current": n === place ? "step" : null, "onclick": () => goTo(n),
              title: `${stage.name}: ${t("changed_words", count(words))}, ${t("changed_calls", operations.length)}`,
            },
            h("span", { class: "dot", "data-size": words > 500 ? 3 : words > 0 ? 2 : operations.length ? 1 : 0 }),
            h("span", { class: "name" }, breakable(stage.name)),
          ),
        );
      }),
    );
    const here = list.children[place] as HTMLElement | undefined;
    if (here && list.scrollWidth > list.clientWidth) list.scrollTo({ left: here.offsetLeft - list.clientWidth / 2 + here.offsetWidth / 2 });
    replace(changed, line(place));
  };
  return { element, render };
}

/** A name that may break after its underscores. */
function breakable(name: string): Child[] {
  return name.split("_").flatMap((part, n, all) => [part, n < all.length - 1 ? ["_", h("wbr")] : ""]);
}

function line(place: number): Child {
  const model = models[0];
  const { operations, words, tables } = model.changes(place);
  const parts: Child[] = [h("strong", {}, model.side.kind === "prediction" ? [t("after"), " "] : null, h("code", {}, model.stage(place).name)), ": "];
  const said: string[] = [];
  if (words) said.push(t("changed_words", count(words)));
  if (tables) said.push(t("changed_tables", tables));
  if (operations.length) said.push(t("changed_calls", operations.length));
  parts.push(said.length ? said.join("; ") : t("changed_nothing"));
  if (!operations.length) return parts;
  parts.push(
    h(
      "span",
      { class: "calls" },
      operations.slice(0, SHOWN).map(([name, base, length, , origin]) => [
        " ",
        h("button", { class: "link", "onclick": () => select({ space: "pa", address: base }) }, `${name} ${hex(base)}-${hex(base + length - 1)}`),
        origin >= 0 ? h("small", {}, " ", model.side.origins[origin][1]) : null,
      ]),
      operations.length > SHOWN
        ? [" ", h("button", { class: "link", "onclick": () => store.set({ tab: "calls" }) }, t("more", operations.length - SHOWN))]
        : null,
    ),
  );
  return parts;
}
