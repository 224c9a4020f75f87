// The walk of one address and the listing of all, from the descriptor layouts and meanings in the document.

import type { Decode, Kind, Level, Meaning, Root } from "./data";
import { pageOf, type Pages } from "./tables";

export interface Step {
  level: Level;
  table: number;
  index: number;
  address: number;
  lo: number;
  hi: number;
  kind: Kind;
  key: string;
}

export interface Field {
  name: string;
  place: string;
  value: string;
  meaning: string;
}

export type Outcome =
  | { mapped: true; pa: number; size: number; meaning: number }
  | { mapped: false; text: string; level: number; status: number | undefined };

export interface Walk {
  va: number;
  root: Root | null;
  steps: Step[];
  outcome: Outcome;
}

/** Adjacent mappings of one meaning, physically contiguous. */
export interface Range {
  va: number;
  size: number;
  pa: number;
  meaning: number;
  granules: Set<number>;
}

/** A word of the picture of the page directory: what stands for 1 or 2 MiB. */
export interface Cell {
  va: number;
  size: number;
  address: number; // physical address of the word, -1 where there is none
  lo: number;
  hi: number;
  role: Kind["role"];
  meaning: number; // -1 unless the word maps
  table: number; // physical address of the table, -1 unless the word points to one
}

/** A field of a word of two halves; fields that are wider than the rest of the low half reach into the high one. */
export function bits(lo: number, hi: number, low: number, width: number): number {
  if (low >= 32) return Math.floor(hi / 2 ** (low - 32)) % 2 ** width;
  if (low + width <= 32) return Math.floor(lo / 2 ** low) % 2 ** width;
  const below = 32 - low;
  return Math.floor(lo / 2 ** low) + (hi % 2 ** (width - below)) * 2 ** below;
}

export const hexWord = (lo: number, hi: number): string =>
  hi ? hi.toString(16) + lo.toString(16).padStart(8, "0") : lo.toString(16);

function addressOf(kind: Kind, lo: number, hi: number): number {
  let address = 0;
  for (const [, , low, width, at] of kind.rows) if (at !== null) address += bits(lo, hi, low, width) * 2 ** at;
  return address;
}

export class Walker {
  private readonly kinds = new Map<string, Map<number, [Kind, number]>>();

  constructor(readonly decode: Decode) {}

  meaning(place: number): Meaning {
    return this.decode.attributes[place];
  }

  /** Which kind of descriptor a word is, and its place among those of the level. */
  kind(name: string, level: Level, lo: number, hi: number): [Kind, number] {
    let known = this.kinds.get(name);
    if (!known) this.kinds.set(name, (known = new Map()));
    let select = 0;
    for (const kind of level.kinds) select |= kind.mask[0];
    const place = (lo & select) >>> 0;
    let found = known.get(place);
    if (!found) {
      const at = level.kinds.findIndex(
        (k) => (lo & k.mask[0]) >>> 0 === k.match[0] && (hi & k.mask[1]) >>> 0 === k.match[1],
      );
      found = [level.kinds[at], at];
      known.set(place, found);
    }
    return found;
  }

  private key(name: string, kind: Kind, place: number, lo: number, hi: number): string {
    return `${name}:${place}:${hexWord((lo & ~kind.address[0]) >>> 0, (hi & ~kind.address[1]) >>> 0)}`;
  }

  root(va: number): Root | null {
    return this.decode.roots.find((root) => root.start <= va && va < root.end) ?? null;
  }

  private fault(kind: "translation" | "abort", level: number): Outcome {
    const fault = this.decode.faults[kind];
    return { mapped: false, text: fault.text, level, status: fault.status[String(level)] };
  }

  walk(pages: Pages, va: number): Walk {
    const root = this.root(va);
    const steps: Step[] = [];
    if (!root || root.disabled) return { va, root, steps, outcome: this.fault("translation", 1) };
    let name = root.level;
    let table = root.base;
    let indexBits = root.indexBits;
    let above = "";
    for (;;) {
      const level = this.decode.levels[name];
      const index = Math.floor(va / 2 ** level.indexLow) % 2 ** indexBits;
      const address = table + index * level.bytes;
      const page = pages.get(pageOf(address));
      if (!page) return { va, root, steps, outcome: this.fault("abort", level.number) };
      const at = (address % 4096) / level.bytes;
      const lo = page.lo[at];
      const hi = page.hi ? page.hi[at] : 0;
      const [kind, place] = this.kind(name, level, lo, hi);
      const key = this.key(name, kind, place, lo, hi);
      steps.push({ level, table, index, address, lo, hi, kind, key });
      if (kind.role === "invalid") return { va, root, steps, outcome: this.fault("translation", level.number) };
      if (kind.role === "block") {
        const size = 2 ** kind.sizeBits;
        const quarters = this.decode.meanings[above + key] ?? [-1];
        const quarter = Math.floor((va % size) / (size / 4));
        const meaning = quarters.length > 1 ? quarters[quarter] : quarters[0];
        return { va, root, steps, outcome: { mapped: true, pa: addressOf(kind, lo, hi) + (va % size), size, meaning } };
      }
      above += key + "|";
      table = addressOf(kind, lo, hi);
      name = kind.table as string;
      indexBits = this.decode.levels[name].indexBits;
    }
  }

  /** The fields of a descriptor, most significant first. */
  fields(step: Step): Field[] {
    const known = this.decode.fields[step.key] ?? [];
    let next = 0;
    return step.kind.rows.map(([name, place, low, width, at]) => {
      if (at === null) {
        const [value, meaning] = known[next++] ?? ["?", ""];
        return { name, place, value, meaning };
      }
      const value = bits(step.lo, step.hi, low, width);
      return { name, place, value: `0x${value.toString(16)}`, meaning: `address 0x${(value * 2 ** at).toString(16)}` };
    });
  }

  /** What Linux calls the bits of the word of a step. */
  linux(step: Step): string {
    const plain = hexWord((step.lo & ~step.kind.address[0]) >>> 0, (step.hi & ~step.kind.address[1]) >>> 0);
    const pte = this.decode.long ? step.level.number === 3 : step.level.number === 2;
    return (pte ? this.decode.linux.pte : this.decode.linux.pmd)[plain] ?? "";
  }

  /** Linux's own pte, by its word. */
  linuxPte(lo: number): string {
    return this.decode.linux.pte[(lo & 0xfff).toString(16)] ?? "";
  }

  /** Everything that is mapped, ascending and merged. */
  ranges(pages: Pages): Range[] {
    const out: Range[] = [];
    for (const root of this.decode.roots)
      if (!root.disabled) this.list(pages, root.level, root.base, root.indexBits, root.start, root.end, "", out);
    return out;
  }

  private list(
    pages: Pages, name: string, table: number, indexBits: number, va: number, end: number, above: string, out: Range[],
  ): void {
    const level = this.decode.levels[name];
    const step = 2 ** level.indexLow;
    const cache = new Map<number, [Kind, number[], string]>();
    for (let index = 0; index < 2 ** indexBits && va + index * step < end; index++) {
      const address = table + index * level.bytes;
      const page = pages.get(pageOf(address));
      if (!page) continue;
      const at = (address % 4096) / level.bytes;
      const lo = page.lo[at];
      const hi = page.hi ? page.hi[at] : 0;
      if (!(lo & 3)) continue;
      const [kind, place] = this.kind(name, level, lo, hi);
      if (kind.role === "invalid") continue;
      const attrs = hi * 4096 + ((lo & ~kind.address[0]) >>> 0) * 8 + place; // a number that tells the bits apart
      let known = hi ? undefined : cache.get(attrs);
      if (!known) {
        const key = this.key(name, kind, place, lo, hi);
        known = [kind, this.decode.meanings[above + key] ?? [-1], key];
        if (!hi) cache.set(attrs, known);
      }
      const here = va + index * step;
      if (kind.role === "table") {
        const below = kind.table as string;
        const bitsBelow = this.decode.levels[below].indexBits;
        this.list(pages, below, addressOf(kind, lo, hi), bitsBelow, here, here + step, above + known[2] + "|", out);
        continue;
      }
      const size = 2 ** kind.sizeBits;
      const length = Math.min(size, step); // large pages and supersections stand in 16 entries; each lists its part
      const first = addressOf(kind, lo, hi) + (here % size);
      const quarters = known[1];
      const parts = quarters.every((q) => q === quarters[0]) ? 1 : quarters.length;
      for (let n = 0; n < parts; n++)
        push(out, here + (n * length) / parts, length / parts, first + (n * length) / parts, quarters[n], size);
    }
  }

  /** The words of the directory's picture. */
  cells(pages: Pages): Cell[] {
    const out: Cell[] = [];
    for (const root of this.decode.roots) this.directory(pages, root.level, root.base, root.indexBits, root.start, "", out);
    return out;
  }

  private directory(
    pages: Pages, name: string, table: number, indexBits: number, va: number, above: string, out: Cell[],
  ): void {
    const level = this.decode.levels[name];
    const upper = this.decode.long && level.number === 1;
    for (let index = 0; index < 2 ** indexBits; index++) {
      const here = va + index * 2 ** level.indexLow;
      const address = table + index * level.bytes;
      const page = table < 0 ? undefined : pages.get(pageOf(address));
      const at = (address % 4096) / level.bytes;
      const lo = page ? page.lo[at] : 0;
      const hi = page?.hi ? page.hi[at] : 0;
      const [kind, place] = this.kind(name, level, lo, hi);
      const key = this.key(name, kind, place, lo, hi);
      if (upper) {
        const below = Object.entries(this.decode.levels).find(([, l]) => l.number === 2)?.[0] as string;
        const next = kind.role === "table" ? addressOf(kind, lo, hi) : -1;
        this.directory(pages, below, next, this.decode.levels[below].indexBits, here, above + key + "|", out);
        continue;
      }
      out.push({
        va: here,
        size: 2 ** level.indexLow,
        address: page ? address : -1,
        lo,
        hi,
        role: page ? kind.role : "invalid",
        meaning: kind.role === "block" ? (this.decode.meanings[above + key] ?? [-1])[0] : -1,
        table: kind.role === "table" ? addressOf(kind, lo, hi) : -1,
      });
    }
  }
}

function push(out: Range[], va: number, size: number, pa: number, meaning: number, granule: number): void {
  const last = out[out.length - 1];
  if (last && last.meaning === meaning && last.va + last.size === va && last.pa + last.size === pa) {
    last.size += size;
    last.granules.add(granule);
  } else out.push({ va, size, pa, meaning, granules: new Set([granule]) });
}
