// One side of the page: what can be asked of a boot at a stage.

import { bytesOf, type Cause, type MapDesc, type OriginRow, type Op, type Payload, type Row, type Side, type Stage } from "./data";
import { Tables, pageOf, type Pages, type Write } from "./tables";
import { Walker, type Cell, type Range, type Step, type Walk } from "./walk";

export interface Word {
  level: string;
  index: number;
  address: number;
  lo: number;
  hi: number;
  half: "both" | "hardware" | "Linux";
  writers: Write[];
  step: Step | null; // null for Linux's half
}

export interface VirtualFacts {
  address: number;
  areas: string[];
  words: Word[];
  walk: Walk;
  physical: number | null;
}

export interface PhysicalFacts {
  address: number;
  kind: string;
  bank: number; // origin, -1 where it is no RAM
  owner: Row | null;
  operations: Op[];
  lost: [number, number, string, number][];
  linear: number | null;
  mapped: number[]; // virtual addresses
}

export interface Changes {
  operations: Op[];
  words: number; // words whose value is another one than before
  tables: number; // tables that began to exist
}

const NOMAP = 4;
const LEVELS: Record<string, Record<number, string>> = {
  short: { 1: "pgd = p4d = pud = pmd", 2: "pte" },
  long: { 1: "pgd = p4d = pud", 2: "pmd", 3: "pte" },
};

export class Model {
  readonly tables: Tables;
  readonly walker: Walker;
  readonly long: boolean;
  readonly wordBytes: number;
  private readonly rangesAt = new Map<Pages, Range[]>();
  private readonly cellsAt = new Map<Pages, Cell[]>();
  private readonly changesAt = new Map<number, Changes>();
  private symbolRows: { name: string; address: number }[] | null = null;
  private boardBytes: Uint8Array | null = null;

  constructor(readonly side: Side, words: ArrayBuffer) {
    this.tables = new Tables(side, words);
    this.walker = new Walker(side.decode);
    this.long = side.decode.long;
    this.wordBytes = side.journal.wordBytes;
  }

  stage(place: number): Stage {
    return this.side.stages[place];
  }

  /** The place of the last stage of a name; of the nearest one before it in kernel order where it is not there. */
  placeOf(name: string): number {
    for (let i = this.side.stages.length - 1; i >= 0; i--) if (this.side.stages[i].name === name) return i;
    return -1;
  }

  /** A stage's name in links: a function that ran twice is named with a number but for its last run. */
  linkName(place: number): string {
    const name = this.stage(place).name;
    let later = 0;
    for (let i = place + 1; i < this.side.stages.length; i++) if (this.side.stages[i].name === name) later++;
    return later ? `${name}~${later}` : name;
  }

  placeOfLink(link: string): number {
    const [name, later] = link.split("~");
    let skip = Number(later ?? 0) || 0;
    for (let i = this.side.stages.length - 1; i >= 0; i--)
      if (this.side.stages[i].name === name && skip-- === 0) return i;
    return -1;
  }

  pages(place: number): Pages {
    return this.tables.at(place);
  }

  ranges(place: number): Range[] {
    const pages = this.pages(place);
    let found = this.rangesAt.get(pages);
    if (!found) this.rangesAt.set(pages, (found = pages.size ? this.walker.ranges(pages) : []));
    return found;
  }

  cells(place: number): Cell[] {
    const pages = this.pages(place);
    let found = this.cellsAt.get(pages);
    if (!found) this.cellsAt.set(pages, (found = this.walker.cells(pages)));
    return found;
  }

  hasTables(place: number): boolean {
    return this.pages(place).has(pageOf(this.side.decode.roots[0].base));
  }

  /** The table pages that a walk can come through, by address. */
  reached(place: number): number[] {
    const pages = this.pages(place);
    const { root, rootBytes } = this.side.kernel;
    const found = new Set<number>();
    for (let page = pageOf(root); page < root + rootBytes; page += 4096) if (pages.has(page)) found.add(page);
    for (const cell of this.cells(place))
      for (const address of [cell.address, cell.table]) if (address >= 0 && pages.has(pageOf(address))) found.add(pageOf(address));
    return [...found];
  }

  /** What a step did. */
  changes(place: number): Changes {
    let found = this.changesAt.get(place);
    if (found) return found;
    const before = place ? this.stage(place - 1) : null;
    const after = this.stage(place);
    const old: Pages = place ? this.pages(place - 1) : new Map();
    let words = 0;
    let tables = 0;
    for (const [address, page] of this.pages(place)) {
      const was = old.get(address);
      if (was === page) continue;
      if (!was) tables++;
      for (let i = 0; i < page.lo.length; i++)
        if (page.lo[i] !== (was ? was.lo[i] : 0) || (page.hi && page.hi[i] !== (was?.hi ? was.hi[i] : 0))) words++;
    }
    found = { operations: this.side.log.slice(before ? before.log : 0, after.log), words, tables };
    this.changesAt.set(place, found);
    return found;
  }

  /** Virtual addresses of the directory's words that a step changed, or whose table it did. */
  changedCells(place: number): Set<number> {
    const old: Pages = place ? this.pages(place - 1) : new Map();
    const pages = this.pages(place);
    const out = new Set<number>();
    if (old === pages) return out;
    const oldCells = old.size ? this.cells(place - 1) : [];
    this.cells(place).forEach((cell, n) => {
      const was = oldCells[n];
      const at = pageOf(cell.table);
      const below = cell.table >= 0 && pages.get(at) !== old.get(at) && this.tableChanged(cell.table, old, pages);
      if (below || cell.lo !== (was?.lo ?? 0) || cell.hi !== (was?.hi ?? 0)) out.add(cell.va);
    });
    return out;
  }

  /** Whether one second-level table holds other words than before. */
  private tableChanged(table: number, old: Pages, pages: Pages): boolean {
    const [was, is] = [old.get(pageOf(table)), pages.get(pageOf(table))];
    const from = (table - pageOf(table)) / this.wordBytes;
    const count = this.long ? 512 : 256;
    for (let i = from; i < from + count; i++)
      if ((is?.lo[i] ?? 0) !== (was?.lo[i] ?? 0) || (is?.hi?.[i] ?? 0) !== (was?.hi?.[i] ?? 0)) return true;
    return false;
  }

  // -- why -----------------------------------------------------------------------------------------------

  /** The same as `bootmap explain` collects for a virtual address. */
  explainVirtual(address: number, place: number): VirtualFacts {
    const stage = this.stage(place);
    const walk = this.walker.walk(this.pages(place), address);
    const names = LEVELS[this.long ? "long" : "short"];
    const words: Word[] = [];
    const mark = stage.mark;
    for (const step of walk.steps) {
      const hardware = !this.long && step.level.number === 2;
      const writers = this.tables.writers(step.address, mark);
      const { index, lo, hi } = step;
      words.push({ level: names[step.level.number], index, address: step.address, lo, hi, half: hardware ? "hardware" : "both", writers, step });
      if (hardware) words.push(this.linuxHalf(address, step, place));
    }
    const areas = stage.layout.filter(([, start, end]) => start <= address && address < end).map(([name]) => name);
    const physical = walk.outcome.mapped ? walk.outcome.pa : null;
    return { address, areas, words, walk, physical };
  }

  private linuxHalf(address: number, step: Step, place: number): Word {
    const index = Math.floor(address / 4096) % 512;
    const at = pageOf(step.address) + 4 * index;
    const page = this.pages(place).get(pageOf(at));
    const writers = this.tables.writers(at, this.stage(place).mark);
    return { level: "pte", index, address: at, lo: page ? page.lo[index] : 0, hi: 0, half: "Linux", writers, step: null };
  }

  /** The same as `bootmap explain` collects for a physical address. */
  explainPhysical(address: number, place: number): PhysicalFacts {
    const stage = this.stage(place);
    let kind = "not RAM to the kernel";
    for (const [base, size, flags] of stage.memory)
      if (base <= address && address < base + size)
        kind = flags & NOMAP ? "no-map" : address < stage.lowmemLimit ? "lowmem" : "highmem";
    if (!this.side.log.length) {
      const row = stage.memoryRows.find(([start, end]) => start <= address && address < end);
      if (row) kind = row[2];
    }
    const operations = this.side.log.slice(0, stage.log).filter(([name, base, size, , , result]) => {
      const failed = name === "alloc_range" && !result;
      return !failed && base <= address && address < base + size;
    });
    const added = operations.filter(([name, , , , origin]) => name === "add" && origin >= 0);
    return {
      address,
      kind,
      bank: added.length ? added[added.length - 1][4] : -1,
      owner: stage.reservedRows.find(([start, end]) => start <= address && address < end) ?? null,
      operations,
      lost: this.side.lost.filter(([start, end]) => start <= address && address < end),
      linear: kind === "lowmem" ? this.linear(address) : null,
      mapped: this.ranges(place)
        .filter((r) => r.pa <= address && address < r.pa + r.size)
        .map((r) => r.va + (address - r.pa)),
    };
  }

  /** `__va`: the address in the linear map, wrapped to 32 bits. */
  linear(address: number): number {
    const { physOffset, pageOffset } = this.side.kernel;
    return (((address - physOffset + pageOffset) % 2 ** 32) + 2 ** 32) % 2 ** 32;
  }

  /** The virtual address that a word of the tables stands for, by the word's physical address; null where none. */
  wordTarget(address: number, place: number): number | null {
    for (const cell of this.cells(place)) {
      if (cell.address === address) return cell.va;
      if (cell.table >= 0 && pageOf(cell.table) === pageOf(address)) {
        const offset = address - pageOf(address);
        if (this.long) return cell.va + (offset / 8) * 4096;
        const pair = cell.va - (cell.va % (2 * cell.size));
        return pair + ((offset % 2048) / 4) * 4096;
      }
    }
    return null;
  }

  origin(place: number): OriginRow[] {
    const chain: OriginRow[] = [];
    for (let at = place; at >= 0; at = this.side.origins[at][3]) chain.push(this.side.origins[at]);
    return chain;
  }

  cause(place: number): Cause {
    return this.side.causes[place];
  }

  mapDesc(place: number): MapDesc | null {
    return place < 0 ? null : this.side.mapDescs[place];
  }

  /** Bytes of the board's description around an offset. */
  boardAround(offset: number, count: number): { start: number; bytes: Uint8Array } | null {
    if (!this.side.board) return null;
    this.boardBytes ??= bytesOf(this.side.board);
    if (offset >= this.boardBytes.length) return null;
    const start = Math.max(0, offset - (offset % 16));
    return { start, bytes: this.boardBytes.slice(start, start + count) };
  }

  // -- names ---------------------------------------------------------------------------------------------

  symbols(): { name: string; address: number }[] {
    if (!this.symbolRows) {
      const [names, steps] = this.side.symbols;
      let address = 0;
      this.symbolRows = names ? names.split("\n").map((name, n) => ({ name, address: (address += steps[n]) })) : [];
    }
    return this.symbolRows;
  }

  /** The nearest symbol at or below an address, within 1 MiB. */
  symbolAt(va: number): string | null {
    const rows = this.symbols();
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].address <= va) low = middle + 1;
      else high = middle;
    }
    const row = rows[low - 1];
    if (!row || va - row.address >= 1 << 20) return null;
    return va === row.address ? row.name : `${row.name}+0x${(va - row.address).toString(16)}`;
  }

  symbol(name: string): number | null {
    return this.symbols().find((row) => row.name === name)?.address ?? null;
  }

  /** The first thing of a kind that lies in RAM at the start. */
  payload(kind: string): Payload | null {
    return this.side.payloads.find((row) => row[3] === kind) ?? null;
  }
}
