// The page directory as a picture of its words, and the second-level page of the selected one.

import { models, placeOn, select, selected } from "../app";
import { h, replace, type Child } from "../dom";
import { hex, size, span, word } from "../format";
import { t } from "../i18n";
import { cellLook, lookOf, type Look } from "../kinds";
import type { Model } from "../model";
import { pageOf } from "../tables";
import type { Cell } from "../walk";

const COLUMNS = 64;
const GAP = 1; // between two pairs

interface Palette {
  [look: string]: string;
}

function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string): string => style.getPropertyValue(name).trim();
  const looks = ["none", "table", "rwx", "rw", "rx", "ro", "device", "user"];
  return Object.fromEntries([...looks.map((l) => [l, get(`--look-${l}`)]), ["ink", get("--ink")], ["accent", get("--accent")], ["fresh", get("--fresh")], ["differs", get("--differs")], ["muted", get("--muted")]]);
}

/** The places of differing words of the directory, by virtual address; empty unless two boots are compared. */
export function differing(): Set<number> {
  const out = new Set<number>();
  if (models.length < 2) return out;
  const [a, b] = models.map((model) => model.ranges(placeOn(model)));
  const cell = Math.min(...models.map((model) => 2 ** (model.long ? 21 : 20)));
  for (const [one, two, of] of [[a, b, 0], [b, a, 1]] as const) {
    const known = new Map(two.map((r) => [r.va, r]));
    for (const r of one) {
      const other = known.get(r.va);
      const meaning = (m: number, place: number): string => models[m].side.decode.attributes[place]?.text ?? "";
      if (other && other.size === r.size && other.pa === r.pa && meaning(of, r.meaning) === meaning(1 - of, other.meaning)) continue;
      for (let va = r.va - (r.va % cell); va < r.va + r.size; va += cell) if (!sameCell(va, cell)) out.add(va);
    }
  }
  return out;
}

/** Whether both sides map one cell's addresses to the same places with the same rights. */
function sameCell(va: number, bytes: number): boolean {
  const pieces = models.map((model) => {
    const parts: string[] = [];
    for (const r of model.ranges(placeOn(model))) {
      const start = Math.max(r.va, va);
      const end = Math.min(r.va + r.size, va + bytes);
      if (start < end) parts.push([start, end, r.pa + start - r.va, model.side.decode.attributes[r.meaning]?.text].join(" "));
    }
    return parts.join("\n");
  });
  return pieces[0] === pieces[1];
}

export function directory(model: Model, letter: string): { element: HTMLElement; render: () => void } {
  const title = h("h2");
  const note = h("p", { class: "note" });
  const canvas = h("canvas", { class: "words", role: "slider", tabindex: 0, "data-key": `directory${letter}` });
  const readout = h("p", { class: "readout" });
  const legend = h("ul", { class: "legend" });
  const second = h("div", { class: "second" });
  const element = h("section", { class: "panel directory", id: letter ? `directory-${letter}` : "directory", tabindex: -1 }, title, note, canvas, readout, legend, second);
  let cells: Cell[] = [];
  let hover = -1;
  let width = 0;

  const margin = 6; // so that no label is cut
  const geometry = (): { cell: number; pair: number; left: number; height: number } => {
    const left = width < 360 ? 0 : 74;
    const pair = model.long ? 1 : 2;
    const cell = Math.max(3, (width - left - (COLUMNS / pair) * GAP) / COLUMNS);
    return { cell, pair, left, height: (cells.length / COLUMNS) * (cell + GAP) + 2 * margin };
  };
  const position = (n: number): [number, number] => {
    const { cell, pair, left } = geometry();
    const column = n % COLUMNS;
    return [left + column * cell + Math.floor(column / pair) * GAP, margin + Math.floor(n / COLUMNS) * (cell + GAP)];
  };
  const at = (event: MouseEvent): number => {
    const box = canvas.getBoundingClientRect();
    const { cell, pair, left } = geometry();
    const step = cell * pair + GAP;
    const x = event.clientX - box.left - left;
    if (x < 0) return -1;
    const column = Math.min(COLUMNS - 1, Math.floor(x / step) * pair + Math.min(pair - 1, Math.floor((x % step) / cell)));
    const n = Math.floor((event.clientY - box.top - margin) / (cell + GAP)) * COLUMNS + column;
    return n >= 0 && n < cells.length ? n : -1;
  };
  const chosen = (): number => {
    const { va } = selected(model);
    return va === null || !cells.length ? -1 : cells.findIndex((c) => c.va <= va && va < c.va + c.size);
  };

  const paint = (): void => {
    const { cell, left, height } = geometry();
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.setProperty("height", `${height}px`);
    const ctx = canvas.getContext("2d");
    if (!ctx) return;
    ctx.scale(scale, scale);
    const colours = palette();
    const changed = model.changedCells(placeOn(model));
    const differ = differing();
    const { attributes } = model.side.decode;
    ctx.font = "10px ui-monospace, Menlo, Consolas, monospace";
    ctx.textBaseline = "middle";
    cells.forEach((c, n) => {
      const [x, y] = position(n);
      const look: Look = cellLook(c, attributes);
      ctx.fillStyle = colours[look];
      ctx.fillRect(x, y, cell, cell);
      if (look === "table" && cell > 5) {
        ctx.fillStyle = colours[tableLook(c)];
        ctx.fillRect(x + 1.5, y + 1.5, cell - 3, cell - 3);
      }
      if (changed.has(c.va)) {
        ctx.fillStyle = colours.fresh;
        const dot = Math.max(1.5, cell / 3.6);
        ctx.fillRect(x + (cell - dot) / 2, y + (cell - dot) / 2, dot, dot);
      }
      if (differ.has(c.va)) {
        ctx.fillStyle = colours.differs;
        ctx.beginPath();
        ctx.moveTo(x + cell, y);
        ctx.lineTo(x + cell, y + cell * 0.75);
        ctx.lineTo(x + cell * 0.25, y);
        ctx.fill();
      }
    });
    if (left) {
      ctx.fillStyle = colours.muted;
      const every = cells.length > 2048 ? 8 : 4;
      for (let row = 0; row < cells.length / COLUMNS; row += every) ctx.fillText(hex(cells[row * COLUMNS].va), 0, margin + row * (cell + GAP) + cell / 2);
    }
    boundary(ctx, colours);
    for (const [n, colour, line] of [[hover, colours.muted, 1.5], [chosen(), colours.accent, 2.5]] as [number, string, number][]) {
      if (n < 0) continue;
      const [x, y] = position(n);
      ctx.strokeStyle = colour;
      ctx.lineWidth = line;
      ctx.strokeRect(x - 1.5, y - 1.5, cell + 3, cell + 3);
    }
  };

  /** What fills the middle of a word that points to a table: the rights of most of its pages. */
  const tableLook = (c: Cell): Look => {
    const counts = new Map<Look, number>();
    for (let i = 0; i < 16; i++) {
      const { outcome } = model.walker.walk(model.pages(placeOn(model)), c.va + (i * c.size) / 16);
      if (outcome.mapped) {
        const look = lookOf(model.side.decode.attributes[outcome.meaning]);
        counts.set(look, (counts.get(look) ?? 0) + 1);
      }
    }
    return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "table";
  };

  const boundary = (ctx: CanvasRenderingContext2D, colours: Palette): void => {
    const n = cells.findIndex((c) => c.va >= model.side.kernel.pageOffset);
    if (n <= 0) return;
    const { cell } = geometry();
    const [, y] = position(n);
    ctx.strokeStyle = colours.accent;
    ctx.lineWidth = 1;
    ctx.setLineDash([4, 3]);
    ctx.beginPath();
    ctx.moveTo(0, y - GAP / 2);
    ctx.lineTo(position(COLUMNS - 1)[0] + cell, y - GAP / 2);
    ctx.stroke();
    ctx.setLineDash([]);
  };

  const describe = (n: number): string => {
    const c = cells[n];
    if (!c) return "";
    const look = cellLook(c, model.side.decode.attributes);
    const value = c.address < 0 ? "" : ` ${t("word_at", hex(c.address))} = ${word(c.lo, c.hi, model.wordBytes)}`;
    return `${span(c.va, c.va + c.size)}:${value} · ${t(`look_${look}`)}`;
  };
  const move = (event: KeyboardEvent): void => {
    const from = Math.max(0, chosen());
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, ArrowDown: from + COLUMNS, ArrowUp: from - COLUMNS, Home: 0, End: cells.length - 1, PageDown: from + 8 * COLUMNS, PageUp: from - 8 * COLUMNS }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (to >= 0 && to < cells.length) select({ space: "va", address: cells[to].va });
  };
  canvas.addEventListener("keydown", move);
  canvas.addEventListener("mousemove", (event) => {
    hover = at(event);
    readout.textContent = describe(hover >= 0 ? hover : chosen());
    paint();
  });
  canvas.addEventListener("mouseleave", () => {
    hover = -1;
    readout.textContent = describe(chosen());
    paint();
  });
  canvas.addEventListener("click", (event) => {
    const n = at(event);
    if (n >= 0) select({ space: "va", address: cells[n].va });
  });

  const render = (): void => {
    const place = placeOn(model);
    title.textContent = `${letter ? `${letter}: ` : ""}${t("directory")}`;
    cells = model.hasTables(place) ? model.cells(place) : [];
    canvas.hidden = !cells.length;
    const { kernel } = model.side;
    if (!cells.length) {
      note.textContent = t("directory_none");
      replace(readout);
      replace(legend);
      replace(second);
      return;
    }
    const offset = (kernel.pageOffset / 2 ** (model.long ? 21 : 20)) * model.wordBytes + (model.long ? 4096 : 0);
    note.textContent = `${t("directory_note", cells.length, size(cells[0].size))}${model.long ? "" : `; ${t("pair")}`}. ${t("directory_at", hex(kernel.root), hex(offset, 4))}`;
    width = Math.max(240, canvas.parentElement?.clientWidth ? canvas.parentElement.clientWidth - 32 : 560);
    canvas.style.setProperty("width", `${width}px`);
    const n = chosen();
    canvas.setAttribute("aria-label", t("directory"));
    canvas.setAttribute("aria-valuemin", "0");
    canvas.setAttribute("aria-valuemax", String(cells.length - 1));
    canvas.setAttribute("aria-valuenow", String(Math.max(0, n)));
    canvas.setAttribute("aria-valuetext", describe(Math.max(0, n)));
    readout.textContent = describe(n);
    const looks: Look[] = ["none", "table", "rw", "rwx", "rx", "ro", "device"];
    replace(
      legend,
      looks.map((look) => h("li", {}, h("span", { class: `swatch ${look}` }), t(`look_${look}`))),
      h("li", {}, h("span", { class: "swatch fresh" }), t("look_changed")),
      models.length > 1 ? h("li", {}, h("span", { class: "swatch differs" }), t("look_differs")) : null,
    );
    paint();
    replace(second, secondLevel(model, n >= 0 ? cells[n] : null));
  };
  return { element, render };
}

// -- the second level ------------------------------------------------------------------------------------------

function secondLevel(model: Model, cell: Cell | null): Child {
  if (!cell || cell.table < 0) return h("p", { class: "note" }, t("second_hint"));
  const pages = model.pages(placeOn(model));
  const page = pages.get(pageOf(cell.table));
  if (!page) return null;
  const base = pageOf(cell.table);
  const heading = h("h3", {}, t("second", hex(base)));
  if (model.long) return [heading, block(model, t("both_half"), base, 0, 512, cell.va, 64)];
  const pair = cell.va - (cell.va % (2 * cell.size));
  const half = (title: string, from: number): Child => [
    h("p", { class: "half" }, title),
    [0, 1].map((n) => block(model, t("table_n", n), base, from + 256 * n, 256, pair + n * cell.size, 64)),
  ];
  return [heading, half(t("linux_half"), 0), half(t("hardware_half"), 512)];
}

function block(model: Model, title: string, base: number, from: number, words: number, va: number, columns: number): Child {
  const place = placeOn(model);
  const pages = model.pages(place);
  const page = pages.get(base);
  const canvas = h("canvas", { class: "words small", role: "slider", tabindex: 0, "data-key": `pte-${base}-${from}` });
  const cell = 6;
  const rows = words / columns;
  const chosen = (): number => {
    const at = selected(model).va;
    return at === null || at < va || at >= va + words * 4096 ? -1 : Math.floor((at - va) / 4096);
  };
  const describe = (n: number): string => {
    const i = from + n;
    const value = page ? word(page.lo[i], page.hi ? page.hi[i] : 0, model.wordBytes) : "";
    return `${hex(va + n * 4096)}: ${t("word_at", hex(base + i * model.wordBytes))} = ${value}`;
  };
  const paint = (): void => {
    const scale = window.devicePixelRatio || 1;
    const width = columns * cell;
    canvas.width = width * scale;
    canvas.height = rows * cell * scale;
    canvas.style.setProperty("aspect-ratio", `${columns} / ${rows}`);
    canvas.style.setProperty("max-width", `${width}px`);
    const ctx = canvas.getContext("2d");
    if (!ctx || !page) return;
    ctx.scale(scale, scale);
    const colours = palette();
    for (let n = 0; n < words; n++) {
      const used = page.lo[from + n] !== 0 || (page.hi !== null && page.hi[from + n] !== 0);
      const { outcome } = model.walker.walk(pages, va + n * 4096);
      const look = outcome.mapped ? lookOf(model.side.decode.attributes[outcome.meaning]) : "none";
      ctx.fillStyle = used ? colours[look === "none" ? "table" : look] : colours.none;
      ctx.fillRect((n % columns) * cell + 0.5, Math.floor(n / columns) * cell + 0.5, cell - 1, cell - 1);
    }
    const n = chosen();
    if (n >= 0) {
      ctx.strokeStyle = colours.accent;
      ctx.lineWidth = 2;
      ctx.strokeRect((n % columns) * cell, Math.floor(n / columns) * cell, cell, cell);
    }
  };
  const go = (n: number): void => {
    if (n >= 0 && n < words) select({ space: "va", address: va + n * 4096 });
  };
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    go(Math.floor(((event.clientY - box.top) / box.height) * rows) * columns + column);
  });
  canvas.addEventListener("keydown", (event) => {
    const at = Math.max(0, chosen());
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: words - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    go(to);
  });
  const n = Math.max(0, chosen());
  canvas.setAttribute("aria-label", `${title} ${span(va, va + words * 4096)}`);
  canvas.setAttribute("aria-valuemin", "0");
  canvas.setAttribute("aria-valuemax", String(words - 1));
  canvas.setAttribute("aria-valuenow", String(n));
  canvas.setAttribute("aria-valuetext", describe(n));
  canvas.title = describe(n);
  paint();
  return h("div", { class: "block" }, h("small", {}, `${title}: ${span(va, va + words * 4096)}`), canvas);
}

export const directories = (): ReturnType<typeof directory>[] => models.map((model, n) => directory(model, models.length > 1 ? "AB"[n] : ""));
