// Physical memory on the left, virtual on the right, ribbons between them: one drawing.

import { models, placeOn, select, selected, store } from "../app";
import type { Row } from "../data";
import { h, replace, s, type Child } from "../dom";
import { GIB, hex, size, span } from "../format";
import { t } from "../i18n";
import { lookOf, ownerLook } from "../kinds";
import type { Model } from "../model";
import { bySegments, straight, type Axis } from "../scale";
import { placed, type Label } from "../labels";

interface Axes {
  physical: Axis;
  virtual: Axis;
}

const axesOf = new WeakMap<Model, Map<string, Axes>>();

/** The two axes; the same at every stage, so that nothing jumps while stepping. */
function axes(model: Model, height: number): Axes {
  let known = axesOf.get(model);
  if (!known) axesOf.set(model, (known = new Map()));
  const key = `${store.state.scale} ${height}`;
  let found = known.get(key);
  if (!found) known.set(key, (found = store.state.scale === "straight" ? toScale(model, height) : visible(model, height)));
  return found;
}

function toScale(model: Model, height: number): Axes {
  const spans = model.side.stages.flatMap((stage) => [...stage.memoryRows, ...stage.reservedRows]);
  spans.push(...model.side.payloads.map(([name, start, end]): Row => [start, end, name, -1]));
  if (!spans.length) for (const r of model.ranges(model.side.stages.length - 1)) spans.push([r.pa, r.pa + r.size, "", -1]);
  const start = Math.min(...spans.map(([at]) => at));
  const end = Math.max(...spans.map(([, at]) => at));
  const bottom = Math.min(model.side.kernel.taskSize, model.side.kernel.pageOffset) & ~0xffffff;
  return { physical: straight(start, end, height), virtual: straight(bottom >>> 0, 4 * GIB, height) };
}

function visible(model: Model, height: number): Axes {
  const pa = new Set<number>();
  const va = new Set<number>([model.side.kernel.pageOffset, 4 * GIB]);
  const used: [number, number][] = [];
  const usedVirtual: [number, number][] = [];
  const seen = new Set<unknown>();
  model.side.stages.forEach((stage, place) => {
    for (const [start, end] of [...stage.memoryRows, ...stage.reservedRows]) {
      pa.add(start).add(end);
      used.push([start, end]);
    }
    for (const [, start, end] of stage.layout) {
      va.add(start).add(Math.min(end, 4 * GIB));
    }
    const ranges = model.ranges(place);
    if (seen.has(ranges)) return;
    seen.add(ranges);
    for (const r of ranges.length > 4000 ? [] : ranges) {
      va.add(r.va).add(r.va + r.size);
      usedVirtual.push([r.va, r.va + r.size]);
      pa.add(r.pa).add(r.pa + r.size);
      used.push([r.pa, r.pa + r.size]);
    }
  });
  for (const [, start, end] of model.side.payloads) {
    pa.add(start).add(end);
    used.push([start, end]);
  }
  const hole = (spans: [number, number][]) => {
    const merged = union(spans);
    return (start: number, end: number): boolean => !merged.some(([a, b]) => a < end && start < b);
  };
  const edges = (set: Set<number>): number[] => [...set].sort((a, b) => a - b);
  const least = (n: number): number => Math.max(3, Math.min(15, 3600 / Math.max(1, n)));
  return {
    physical: bySegments(edges(pa), hole(used), height, least(pa.size)),
    virtual: bySegments(edges(va), hole(usedVirtual), height, least(va.size)),
  };
}

function union(spans: [number, number][]): [number, number][] {
  const out: [number, number][] = [];
  for (const [start, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = out[out.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else out.push([start, end]);
  }
  return out;
}

export function maps(model: Model, letter: string): { element: HTMLElement; render: () => void } {
  const title = h("h2");
  const modes = h("div", { class: "segmented", role: "group" });
  const holder = h("div", { class: "map" });
  const element = h("section", { class: "panel maps", id: letter ? `maps-${letter}` : "maps", tabindex: -1 }, h("div", { class: "head" }, title, modes), holder);
  const render = (): void => {
    title.textContent = `${letter ? `${letter}: ` : ""}${t("maps")}`;
    modes.setAttribute("aria-label", t("scale"));
    replace(
      modes,
      (["segments", "straight"] as const).map((scale) =>
        h("button", { "data-key": `scale-${scale}`, "aria-pressed": String(store.state.scale === scale), "onclick": () => store.set({ scale }) }, t(`scale_${scale}`)),
      ),
    );
    const width = Math.max(300, Math.min(860, holder.clientWidth || 560));
    replace(holder, draw(model, width));
  };
  return { element, render };
}

function draw(model: Model, width: number): SVGElement {
  const narrow = width < 400;
  const height = narrow ? 560 : 700;
  const { physical, virtual } = axes(model, height);
  const place = placeOn(model);
  const stage = model.stage(place);
  const bar = narrow ? 34 : width < 520 ? 42 : 56;
  const left = Math.round(width * (narrow ? 0.3 : 0.29));
  const right = Math.round(width * (narrow ? 0.24 : 0.26));
  const x = { pa: left, va: width - right - bar, paEnd: left + bar, vaEnd: width - right };
  const top = 22;
  const total = Math.max(physical.length, virtual.length) + top + 8;
  const changes = model.changes(place);
  const fresh = (start: number, end: number): boolean =>
    changes.operations.some(([name, base, length]) => name !== "set_current_limit" && base < end && start < base + length);

  const shapes: Child[] = [];
  const bars: Child[] = [];
  const labels: Label[] = [];
  const py = (address: number): number => top + physical.y(address);
  const vy = (address: number): number => top + virtual.y(address);
  const within = (axis: Axis, start: number, end: number): boolean => start < axis.end && end > axis.start;

  // ribbons first, under everything
  const ranges = model.ranges(place).slice(0, 4000);
  for (const r of ranges) {
    if (!within(physical, r.pa, r.pa + r.size) || !within(virtual, r.va, r.va + r.size)) continue;
    const look = lookOf(model.side.decode.attributes[r.meaning]);
    shapes.push(ribbon(x.paEnd, py(r.pa), py(r.pa + r.size), x.va, vy(r.va), vy(r.va + r.size), look));
  }

  // physical
  for (const segment of physical.segments) bars.push(s("rect", { class: segment.hole ? "hole" : "ground", x: x.pa, y: top + segment.y, width: bar, height: segment.height }));
  for (const [start, end, kind, origin] of stage.memoryRows)
    bars.push(region("pa", start, end, `ram ${kind}`, x.pa, py(start), bar, py(end), `${t(kind)} ${span(start, end)}, ${size(end - start)}`, origin >= 0 ? model.side.origins[origin][1] : ""));
  for (const [start, end, owner] of stage.reservedRows) {
    const look = `reserved ${ownerLook(owner)}${fresh(start, end) ? " fresh" : ""}`;
    bars.push(region("pa", start, end, look, x.pa + bar * 0.2, py(start), bar * 0.8, py(end), `${owner || t("reserved_rows")} ${span(start, end)}, ${size(end - start)}`, ""));
    labels.push({ side: "pa", from: py(start), to: py(end), text: owner.replace(/^the /, "") || t("reserved_rows"), note: size(end - start), weight: 2, start, end });
  }
  for (const [name, start, end] of model.side.payloads) {
    if (stage.reservedRows.some(([a, b]) => a < end && start < b)) continue;
    bars.push(region("pa", start, end, `reserved payload ${ownerLook(name)}`, x.pa + bar * 0.2, py(start), bar * 0.8, py(end), `${name} ${span(start, end)}, ${size(end - start)}`, ""));
    labels.push({ side: "pa", from: py(start), to: py(end), text: name, note: size(end - start), weight: 2, start, end });
  }
  for (const [start, end, kind] of merged(stage.memoryRows))
    labels.push({ side: "pa", from: py(start), to: py(end), text: t(kind), note: size(end - start), weight: 1, start, end });
  if (stage.lowmemLimit > physical.start && stage.lowmemLimit < physical.end)
    bars.push(s("line", { class: "limit", x1: x.pa - 8, x2: x.paEnd + 8, y1: py(stage.lowmemLimit), y2: py(stage.lowmemLimit) }, s("title", {}, t("limit", hex(stage.lowmemLimit)))));

  // virtual
  for (const segment of virtual.segments) bars.push(s("rect", { class: segment.hole ? "hole" : "ground", x: x.va, y: top + segment.y, width: bar, height: segment.height }));
  for (const r of ranges) {
    if (!within(virtual, r.va, r.va + r.size)) continue;
    const meaning = model.side.decode.attributes[r.meaning];
    const [y, end] = [vy(r.va), vy(r.va + r.size)];
    bars.push(region("va", r.va, r.va + r.size, `mapped ${lookOf(meaning)}`, x.va, y, bar, end, `${span(r.va, r.va + r.size)}, ${size(r.size)}: ${meaning?.text ?? ""}`, `→ ${span(r.pa, r.pa + r.size)}`));
    if (end - y > 13 && bar > 40) bars.push(s("text", { class: "inside", x: x.va + bar / 2, y: (y + end) / 2 + 3.5 }, (meaning?.rights ?? "").split(" ")[0]));
  }
  stage.layout.forEach(([name, start, end], n) => {
    if (!within(virtual, start, end)) return;
    const depth = x.vaEnd + 4 + (n % 3) * 4;
    shapes.push(s("line", { class: "bracket", x1: depth, x2: depth, y1: vy(start) + 1, y2: Math.max(vy(end) - 1, vy(start) + 2) }));
    labels.push({ side: "va", from: vy(start), to: vy(end), text: name, note: size(end - start), weight: 2, start, end });
  });
  if (!stage.layout.length)
    for (const r of ranges.slice(0, 60))
      if (within(virtual, r.va, r.va + r.size)) labels.push({ side: "va", from: vy(r.va), to: vy(r.va + r.size), text: hex(r.va), note: size(r.size), weight: 2, start: r.va, end: r.va + r.size });

  // addresses at the edges, where there is room
  const ticks = (axis: Axis, x0: number, anchor: "start" | "end"): Child => {
    let last = -99;
    return axis.segments.map(({ start, y }, n) => {
      if (y - last < 13 || narrow) return null;
      last = y;
      return s("text", { class: "tick", x: x0, y: top + y + (n ? 3.5 : 8), "text-anchor": anchor }, start.toString(16).padStart(8, "0"));
    });
  };

  // the selection, in both
  const { va, pa } = selected(model);
  const marks: Child[] = [];
  if (pa !== null && within(physical, pa, pa + 1)) marks.push(s("line", { class: "mark", x1: x.pa - 6, x2: x.paEnd, y1: py(pa), y2: py(pa) }));
  if (va !== null && within(virtual, va, va + 1)) marks.push(s("line", { class: "mark", x1: x.va, x2: x.vaEnd + 6, y1: vy(va), y2: vy(va) }));
  if (pa !== null && va !== null && within(physical, pa, pa + 1) && within(virtual, va, va + 1))
    marks.push(s("path", { class: "mark", d: curve(x.paEnd, py(pa), x.va, vy(va)) }));

  const svg = s(
    "svg",
    { viewBox: `0 0 ${width} ${total}`, width, height: total, role: "group", "aria-label": t("maps") },
    s("text", { class: "axis", x: x.pa + bar / 2, y: 14 }, t("physical")),
    s("text", { class: "axis", x: x.va + bar / 2, y: 14 }, t("virtual")),
    shapes,
    bars,
    ticks(physical, x.paEnd + 3, "start"),
    ticks(virtual, x.va - 3, "end"),
    placed(labels.filter((l) => l.side === "pa"), top, total - 8, left - 12, narrow).map((l) => labelled(l, x.pa, "end", left - 14)),
    placed(labels.filter((l) => l.side === "va"), top, total - 8, right - 32, narrow).map((l) => labelled(l, x.vaEnd, "start", x.vaEnd + 28)),
    marks,
  );
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    const [cx, cy] = [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * total - top];
    if (cx >= x.pa && cx <= x.paEnd && cy >= 0) select({ space: "pa", address: physical.address(cy) });
    else if (cx >= x.va && cx <= x.vaEnd && cy >= 0) select({ space: "va", address: virtual.address(cy) });
  });
  roving(svg);
  return svg;
}

/** Neighbours of one kind as one, for the labels. */
function merged(rows: Row[]): Row[] {
  const out: Row[] = [];
  for (const [start, end, kind, origin] of rows) {
    const last = out[out.length - 1];
    if (last && last[1] === start && last[2] === kind) last[1] = end;
    else out.push([start, end, kind, origin]);
  }
  return out;
}

function region(space: "pa" | "va", start: number, end: number, look: string, x: number, y: number, width: number, below: number, text: string, more: string): SVGElement {
  return s(
    "rect",
    {
      class: `region ${look}`, x, y, width, height: Math.max(1.5, below - y), role: "button", tabindex: -1,
      "data-space": space, "data-start": start, "data-key": `${space}-${start}-${end}-${look.split(" ")[0]}`, "aria-label": `${t(space === "pa" ? "physical" : "virtual")}: ${text}`,
    },
    s("title", {}, more ? `${text}\n${more}` : text),
  );
}

function labelled(label: Label & { y: number; shown: string }, edge: number, anchor: "start" | "end", x: number): Child {
  const middle = Math.min(Math.max((label.from + label.to) / 2, label.from), label.to);
  const near = anchor === "end" ? edge - 2 : edge + 16;
  return s(
    "g",
    { class: "label", "onclick": (event: Event) => { event.stopPropagation(); select({ space: label.side, address: label.start }); } },
    s("path", { class: "leader", d: `M${near} ${middle} L${anchor === "end" ? x + 3 : x - 3} ${label.y}` }),
    s("text", { x, y: label.y + 3.5, "text-anchor": anchor }, label.shown, label.note ? s("tspan", { class: "note" }, ` ${label.note}`) : null, s("title", {}, `${label.text} ${label.note}\n${span(label.start, label.end)}`)),
  );
}

const curve = (x1: number, y1: number, x2: number, y2: number): string => {
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
};

function ribbon(x1: number, a1: number, b1: number, x2: number, a2: number, b2: number, look: string): SVGElement {
  const middle = (x1 + x2) / 2;
  const d = `M${x1} ${a1} C${middle} ${a1} ${middle} ${a2} ${x2} ${a2} L${x2} ${Math.max(b2, a2 + 1)} C${middle} ${Math.max(b2, a2 + 1)} ${middle} ${Math.max(b1, a1 + 1)} ${x1} ${Math.max(b1, a1 + 1)} Z`;
  return s("path", { class: `ribbon ${look}`, d });
}

/** One stop of the tab key for all regions; arrows go from one to the next, Enter selects. */
function roving(svg: SVGElement): void {
  const regions = [...svg.querySelectorAll<SVGElement>(".region")];
  regions[0]?.setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => {
    const at = regions.indexOf(event.target as SVGElement);
    if (at < 0) return;
    const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (move) {
      regions[at].setAttribute("tabindex", "-1");
      const next = regions[(at + move + regions.length) % regions.length];
      next.setAttribute("tabindex", "0");
      next.focus();
    } else if (event.key === "Enter" || event.key === " ")
      select({ space: regions[at].dataset.space as "pa" | "va", address: Number(regions[at].dataset.start) });
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

export const mapsOfAll = (): ReturnType<typeof maps>[] => models.map((model, n) => maps(model, models.length > 1 ? "AB"[n] : ""));
