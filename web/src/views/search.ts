// Search by address, symbol, area, owner or stage: a combobox.

import { goTo, isVirtual, models, placeOn, select, store } from "../app";
import { h, replace } from "../dom";
import { hex, parseAddress, span } from "../format";
import { t } from "../i18n";
import type { Model } from "../model";

interface Hit {
  label: string;
  note: string;
  go: () => void;
}

const MOST = 12;

export function searchBox(): { element: HTMLElement; render: () => void } {
  let hits: Hit[] = [];
  let active = -1;
  const list = h("ul", { id: "search-list", role: "listbox", hidden: true });
  const input = h("input", {
    id: "search",
    type: "search",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-expanded": "false",
    "aria-controls": "search-list",
    "aria-autocomplete": "list",
  });
  const close = (): void => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (hit: Hit | undefined): void => {
    if (!hit) return;
    close();
    hit.go();
  };
  const show = (): void => {
    const asked = input.value.trim();
    hits = asked ? find(asked) : [];
    active = hits.length ? 0 : -1;
    paint();
    list.hidden = !asked;
    input.setAttribute("aria-expanded", String(!list.hidden));
  };
  const paint = (): void => {
    replace(
      list,
      hits.length
        ? hits.map((hit, n) =>
            h(
              "li",
              { id: `hit-${n}`, role: "option", "aria-selected": String(n === active), "onmousedown": (e: Event) => { e.preventDefault(); choose(hit); } },
              h("span", {}, hit.label), " ", h("small", {}, hit.note),
            ),
          )
        : h("li", { role: "option", "aria-selected": "false", "aria-disabled": "true" }, t("search_none")),
    );
    if (active >= 0) input.setAttribute("aria-activedescendant", `hit-${active}`);
  };
  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      active = hits.length ? (active + step + hits.length) % hits.length : -1;
      paint();
      event.preventDefault();
    } else if (event.key === "Enter") choose(hits[active]);
    else if (event.key === "Escape") {
      close();
      input.blur();
    }
  });
  const label = h("label", { for: "search", class: "hidden" });
  const element = h("div", { class: "search", role: "search" }, label, input, list);
  const render = (): void => {
    input.placeholder = t("search");
    label.textContent = t("search_short");
    list.setAttribute("aria-label", t("search_short"));
  };
  return { element, render };
}

/** What matches, best first: an address, then names by how they begin. */
export function find(asked: string): Hit[] {
  const model = models[0];
  const hits: Hit[] = [];
  const prefix = /^(pa|va):/i.exec(asked);
  const address = parseAddress(prefix ? asked.slice(3) : asked);
  if (address !== null) hits.push(...readings(model, address, prefix?.[1].toLowerCase() ?? ""));
  const place = placeOn(model);
  const stage = model.stage(place);
  const named: [string, Hit][] = [];
  const add = (name: string, note: string, go: () => void): void => {
    named.push([name, { label: name, note, go }]);
  };
  for (const [name, start, end] of stage.layout) add(name, span(start, end), () => select({ space: "va", address: start }));
  for (const [name, start, end] of model.side.payloads) add(name, span(start, end), () => select({ space: "pa", address: start }));
  for (const [start, end, owner] of stage.reservedRows) add(owner, span(start, end), () => select({ space: "pa", address: start }));
  for (const [start, end, kind] of stage.memoryRows) add(kind, span(start, end), () => select({ space: "pa", address: start }));
  model.side.stages.forEach((s, n) => add(s.name, t("stage"), () => goTo(n)));
  model.side.findings.forEach((f) => add(f.id, f.message, () => showFinding(model, f.stage, f.address)));
  for (const symbol of model.symbols()) add(symbol.name, hex(symbol.address), () => select({ space: "va", address: symbol.address }));
  const low = asked.toLowerCase();
  const ranked = named
    .map(([name, hit]): [number, Hit] => [name.toLowerCase().indexOf(low) + (name.toLowerCase() === low ? -1 : 0), hit])
    .filter(([rank, hit]) => rank > -1 || hit.label.toLowerCase() === low)
    .sort((a, b) => a[0] - b[0]);
  const seen = new Set<string>();
  for (const [, hit] of ranked) {
    const key = hit.label + hit.note;
    if (hits.length < MOST && !seen.has(key)) hits.push(hit);
    seen.add(key);
  }
  return hits;
}

function readings(model: Model, address: number, prefix: string): Hit[] {
  const facts = model.explainPhysical(address, placeOn(model));
  const known = facts.kind !== "not RAM to the kernel" || facts.operations.length > 0 || facts.lost.length > 0;
  const pa: Hit = { label: hex(address), note: `${t("physical")}: ${facts.kind}`, go: () => select({ space: "pa", address }) };
  const va: Hit = { label: hex(address), note: t("virtual"), go: () => select({ space: "va", address }) };
  const high = address < 2 ** 32 && (address >= model.side.kernel.taskSize || !known);
  if (prefix === "pa") return [pa];
  if (prefix === "va") return address < 2 ** 32 ? [va] : [];
  const hits = high ? [va, pa] : [pa, va];
  return address < 2 ** 32 ? hits : [pa];
}

/** Move every view to the place of a finding. */
export function showFinding(model: Model, stage: string | null, address: number | null): void {
  const place = stage ? model.placeOf(stage) : -1;
  const change: Partial<typeof store.state> = {};
  const at = place >= 0 ? place : model.side.stages.length - 1;
  change.stage = model.linkName(at);
  if (address !== null) {
    change.selection = { space: isVirtual(model, address, at) ? "va" : "pa", address };
  }
  store.set(change);
}
