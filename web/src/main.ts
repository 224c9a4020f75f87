// Unpacks the document, builds the views, and keeps them at one with the state.

import { goTo, models, start, store, version } from "./app";
import { load } from "./data";
import { h, replace } from "./dom";
import { t } from "./i18n";
import { watch } from "./live";
import { Model } from "./model";
import { tour, tourClose, tourOpen, tourStart } from "./tour/view";
import { directories } from "./views/directory";
import { header, switchLanguage } from "./views/header";
import { mapsOfAll } from "./views/maps";
import { tabs } from "./views/tabs";
import { step, timeline, togglePlay } from "./views/timeline";
import { why } from "./views/why";

interface View {
  element: HTMLElement;
  render: () => void;
}

async function main(): Promise<void> {
  const app = document.getElementById("app") as HTMLElement;
  const { document: doc, words } = await load();
  start(doc.sides.map((side, n) => new Model(side, words[n])), doc.bootmap, doc.stage);
  if (doc.live) watch(doc.live);
  const help = helpDialog();
  const head = header({ tour: tourOpen, help: () => help.show() });
  const line = timeline();
  const pictures = [...mapsOfAll(), ...directories()];
  const reason = why();
  const lists = tabs();
  const guide = tour();
  const skip = h("a", { class: "skip", href: "#" , "onclick": (event: Event) => { event.preventDefault(); document.querySelector<HTMLElement>(".maps")?.focus(); } });
  const foot = h("footer", {});
  const main = h("main", { class: models.length > 1 ? "compare" : "single" }, ...pictures.map((v) => v.element), reason.element, lists.element);
  replace(app, skip, head.element, line.element, main, foot, guide.element, help.element);
  const views: View[] = [head, line, ...pictures, reason, lists, guide, help];
  const render = (): void => {
    document.documentElement.lang = store.state.lang === "zh" ? "zh-CN" : "en";
    document.title = `${models.map((m) => m.side.name).join(" | ")} · bootmap explore`;
    skip.textContent = t("skip");
    foot.textContent = t("foot", version);
    for (const view of views) view.render();
  };
  let waiting = 0;
  const later = (): void => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      render();
    });
  };
  store.subscribe(later);
  new ResizeObserver(later).observe(main);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
  document.addEventListener("keydown", (event) => keys(event, () => help.show()));
  tourStart();
  render();
  Object.assign(window, { bootmap: scripting });
  performance.mark("first-picture");
  document.documentElement.dataset.ready = "true";
}

/** What the page knows, for the browser's console and for tests: `bootmap.explain("map_lowmem", 0xc0300000)`. */
const scripting = {
  models: () => models,
  stages: (side = 0) => models[side].side.stages.map((_, n) => models[side].linkName(n)),
  explain: (stage: string, va: number, side = 0) => models[side].explainVirtual(va, models[side].placeOfLink(stage)),
  explainPhysical: (stage: string, pa: number, side = 0) => models[side].explainPhysical(pa, models[side].placeOfLink(stage)),
  ranges: (stage: string, side = 0) =>
    models[side].ranges(models[side].placeOfLink(stage)).map((r) => [r.va, r.size, r.pa, models[side].side.decode.attributes[r.meaning]?.text ?? null]),
  /** The table pages of a stage that the root reaches, as hexadecimal digits in memory order. */
  pages: (stage: string, side = 0) => hexPages(models[side], models[side].placeOfLink(stage)),
};

function hexPages(model: Model, place: number): Record<string, string> {
  const out: Record<string, string> = {};
  for (const address of model.reached(place)) {
    const page = model.pages(place).get(address);
    if (!page) continue;
    const bytes = new Uint8Array(4096);
    const view = new DataView(bytes.buffer);
    page.lo.forEach((lo, n) => view.setUint32(n * model.wordBytes, lo, true));
    page.hi?.forEach((hi, n) => view.setUint32(n * model.wordBytes + 4, hi, true));
    out[`0x${address.toString(16)}`] = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  return out;
}

function keys(event: KeyboardEvent, help: () => void): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input:not([type=range]), textarea, select")) return;
  const acts: Record<string, () => void> = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    Home: () => goTo(0),
    "/": () => document.getElementById("search")?.focus(),
    t: tourOpen,
    l: switchLanguage,
    s: () => store.set({ scale: store.state.scale === "straight" ? "segments" : "straight" }),
    "?": help,
    Escape: tourClose,
  };
  if (event.key === " " && !target.matches("button, a, [role=button], [role=slider], summary")) {
    event.preventDefault();
    togglePlay();
    return;
  }
  if (event.key === "Home" && target.matches("input")) return;
  if (event.key.startsWith("Arrow") && target.matches("input[type=range]")) return;
  const act = acts[event.key];
  if (!act || document.querySelector("dialog[open]") || (event.key === "Escape" && !store.state.tour)) return;
  event.preventDefault();
  act();
}

function helpDialog(): View & { element: HTMLDialogElement; show: () => void } {
  const element = h("dialog", { class: "help" });
  const rows: [string, string][] = [
    ["← →", "keys_stage"], ["Space", "keys_play"], ["/", "keys_search"], ["t", "keys_tour"], ["s", "keys_scale"], ["l", "keys_lang"],
    ["← → ↑ ↓", "keys_cells"], ["↑ ↓", "keys_regions"], ["Esc", "keys_escape"],
  ];
  const render = (): void => {
    element.setAttribute("aria-label", t("keys_title"));
    replace(
      element,
      h("h2", {}, t("keys_title")),
      h("dl", {}, rows.map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(text))])),
      h("button", { class: "primary", "data-key": "close", "onclick": () => element.close() }, t("close")),
    );
  };
  return { element, render, show: () => element.showModal() };
}

main().catch((error: unknown) => {
  const app = document.getElementById("app");
  if (app) replace(app, h("p", { class: "failed", role: "alert" }, `This page cannot be shown: ${String(error)}`));
  throw error;
});
