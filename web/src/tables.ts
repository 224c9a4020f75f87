// The page tables of every stage, made by replaying the journal once. Stages share the pages that did not change.

import type { Side } from "./data";

export const PAGE = 4096;

/** The words of one page: low halves, and high halves where words have 8 bytes. */
export interface Page {
  lo: Uint32Array;
  hi: Uint32Array | null;
}

export type Pages = Map<number, Page>;

export interface Write {
  cause: number;
  lo: number;
  hi: number;
}

export const pageOf = (address: number): number => address - (address % PAGE);

export class Tables {
  readonly wordBytes: number;
  readonly perPage: number;
  private readonly stages: Pages[] = [];
  private readonly lo: Uint32Array;
  private readonly hi: Uint32Array | null;
  private readonly offsets: number[] = [];

  constructor(private readonly side: Side, words: ArrayBuffer) {
    const { counts, wordBytes } = side.journal;
    this.wordBytes = wordBytes;
    this.perPage = PAGE / wordBytes;
    const total = counts.reduce((sum, n) => sum + n, 0);
    const all = new Uint32Array(words);
    this.lo = all.subarray(0, total);
    this.hi = wordBytes > 4 ? all.subarray(total, 2 * total) : null;
    let at = 0;
    for (const count of counts) {
      this.offsets.push(at);
      for (const plane of this.hi ? [this.lo, this.hi] : [this.lo])
        for (let i = at + 1; i < at + count; i++) plane[i] += plane[i - 1];
      at += count;
    }
    this.replay();
  }

  /** The pages of a stage, by its place. */
  at(stage: number): Pages {
    return this.stages[stage];
  }

  /** Who wrote the word at a physical address up to a mark, oldest first. */
  writers(address: number, mark: number): Write[] {
    const { addresses, counts, causes } = this.side.journal;
    const found: Write[] = [];
    for (let i = 0; i < mark; i++) {
      const end = addresses[i] + counts[i] * this.wordBytes;
      if (addresses[i] <= address && address < end) {
        const at = this.offsets[i] + Math.floor((address - addresses[i]) / this.wordBytes);
        found.push({ cause: causes[i], lo: this.lo[at], hi: this.hi ? this.hi[at] : 0 });
      }
    }
    return found;
  }

  private replay(): void {
    const { addresses, counts, causes } = this.side.journal;
    let pages: Pages = new Map();
    let own = new Set<number>(); // pages that no stage shares yet
    let next = 0;
    for (const stage of this.side.stages) {
      if (next < stage.mark) {
        pages = new Map(pages);
        own = new Set();
      }
      for (; next < stage.mark; next++) {
        const fresh = this.side.causes[causes[next]][1] === "zero";
        this.store(pages, own, addresses[next], this.offsets[next], counts[next], fresh);
      }
      this.stages.push(pages);
    }
  }

  private store(pages: Pages, own: Set<number>, address: number, from: number, count: number, fresh: boolean): void {
    let done = 0;
    while (done < count) {
      const at = address + done * this.wordBytes;
      const base = pageOf(at);
      const index = (at - base) / this.wordBytes;
      const n = Math.min(count - done, this.perPage - index);
      let page = pages.get(base);
      if (!page || fresh) {
        page = { lo: new Uint32Array(this.perPage), hi: this.hi ? new Uint32Array(this.perPage) : null };
        pages.set(base, page);
        own.add(base);
      } else if (!own.has(base)) {
        page = { lo: page.lo.slice(), hi: page.hi ? page.hi.slice() : null };
        pages.set(base, page);
        own.add(base);
      }
      page.lo.set(this.lo.subarray(from + done, from + done + n), index);
      if (page.hi && this.hi) page.hi.set(this.hi.subarray(from + done, from + done + n), index);
      done += n;
    }
  }
}
