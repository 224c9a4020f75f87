// What every view needs: the two or one models, the state, and the words for changing it.

import type { Model } from "./model";
import { readHash, Store, type Selection } from "./store";

export let models: Model[] = [];
export let store: Store;
export let version = "";

export function start(sides: Model[], bootmap: string, stage: string | undefined): void {
  models = sides;
  version = bootmap;
  const first = sides[0];
  const usual = {
    stage: stage !== undefined && first.placeOfLink(stage) >= 0 ? stage : usualStage(first),
    selection: usualSelection(first),
    tab: sides.length > 1 ? "differences" : "findings",
    scale: "segments" as const,
    lang: navigator.language.startsWith("zh") ? ("zh" as const) : ("en" as const),
    tour: null,
  };
  store = new Store(readHash(location.hash, usual));
}

/** The end of paging_init, as everywhere in bootmap; where a boot dies, or may, the stage in which it does. */
function usualStage(model: Model): string {
  const { outcome } = model.side;
  const end = outcome && outcome.boots !== true && outcome.stage ? model.placeOf(outcome.stage) : -1;
  const place = end >= 0 ? end : model.placeOf("paging_init");
  return model.linkName(place >= 0 ? place : model.side.stages.length - 1);
}

/** Whether a number is meant as a virtual address: the kernel's half, and no RAM. */
export function isVirtual(model: Model, address: number, place: number): boolean {
  const ram = model.stage(place).memory.some(([base, size]) => base <= address && address < base + size);
  return address >= model.side.kernel.taskSize && address < 2 ** 32 && !ram;
}

/** Something worth a look: where the worst finding is, else the kernel's first instruction in the linear map. */
function usualSelection(model: Model): Selection {
  const { outcome, findings } = model.side;
  const placed = outcome && outcome.boots !== true ? findings.filter((f) => f.address !== null) : [];
  const worst = placed.find((f) => f.stage === outcome?.stage) ?? placed[0]; // what the verdict hangs on, first
  if (worst && worst.address !== null) {
    const space = isVirtual(model, worst.address, model.side.stages.length - 1) ? "va" : "pa";
    return { space, address: worst.address };
  }
  return { space: "va", address: model.symbol("_stext") ?? model.symbol("_text") ?? model.side.kernel.pageOffset };
}

/** The place of the shown stage on a side: of its name there, else of the nearest stage before it. */
export function placeOn(model: Model): number {
  const direct = model.placeOfLink(store.state.stage);
  if (direct >= 0) return direct;
  const names = models[0].side.stages;
  for (let i = models[0].placeOfLink(store.state.stage); i >= 0; i--) {
    const place = model.placeOf(names[i].name);
    if (place >= 0) return place;
  }
  return model.side.stages.length - 1;
}

export function goTo(place: number): void {
  const { stages } = models[0].side;
  if (place >= 0 && place < stages.length) store.set({ stage: models[0].linkName(place) });
}

export function select(selection: Selection | null): void {
  store.set({ selection });
}

/** What the selection is on a side: the virtual and the physical address that belong together, where they are known. */
export function selected(model: Model): { va: number | null; pa: number | null } {
  const { selection } = store.state;
  if (!selection) return { va: null, pa: null };
  const place = placeOn(model);
  if (selection.space === "va") {
    const { outcome } = model.walker.walk(model.pages(place), selection.address);
    return { va: selection.address, pa: outcome.mapped ? outcome.pa : null };
  }
  const facts = model.explainPhysical(selection.address, place);
  const linear = facts.linear !== null && facts.mapped.includes(facts.linear) ? facts.linear : null;
  return { va: linear ?? facts.mapped[0] ?? null, pa: selection.address };
}
