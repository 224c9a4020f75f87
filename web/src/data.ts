// The document that bootmap writes into the page (schema bootmap.explore/1), and its unpacking.

export type Pair = [number, number];

export interface Kind {
  name: string;
  role: "invalid" | "table" | "block";
  sizeBits: number;
  table: string | null;
  mask: Pair;
  match: Pair;
  address: Pair;
  rows: [string, string, number, number, number | null][]; // name, place, low, width, lowest bit of the address
}

export interface Level {
  number: number;
  bytes: number;
  indexLow: number;
  indexBits: number;
  kinds: Kind[];
}

export interface Root {
  register: string;
  start: number;
  end: number;
  level: string;
  base: number;
  indexBits: number;
  disabled: boolean;
}

export interface Meaning {
  rights: string;
  text: string;
  memory: string;
  device: boolean;
  w: boolean;
  x: boolean;
  user: boolean;
  domain: number | null;
}

export interface Decode {
  long: boolean;
  levels: Record<string, Level>;
  roots: Root[];
  fields: Record<string, [string, string][]>;
  meanings: Record<string, number[]>;
  attributes: Meaning[];
  linux: { pmd: Record<string, string>; pte: Record<string, string> };
  faults: Record<"translation" | "abort", { text: string; status: Record<string, number> }>;
}

export type Row = [number, number, string, number]; // start, end, kind or owner, origin

export interface Stage {
  name: string;
  mark: number;
  log: number;
  lowmemLimit: number;
  highMemory: number;
  currentLimit: number;
  memory: [number, number, number][];
  reserved: [number, number, number][];
  memoryRows: Row[];
  reservedRows: Row[];
  layout: [string, number, number, string][];
  cost: { tables: number; sections: number; pages: number; bytes: number; pageOnlyBytes: number } | null;
}

export type Op = [string, number, number, number, number, number]; // name, base, size, flags, origin, result
export type OriginRow = [string, string, number | null, number]; // rule, text, offset, parent
export type MapDesc = [number, number, number, string, string, string, number];
export type Cause = [string, string, number, number]; // stage, step, map_desc, origin

export interface Finding {
  id: string;
  stage: string | null;
  severity: string;
  title: string;
  message: string;
  address: number | null;
  origin: number;
  where: [string, string, string][]; // kind, text, place
  changes: [string, string, string, boolean][]; // what to write, a note, the verdict after it, recommended
  advice: string[];
  table: string[][]; // the first row is the heads
}

export interface MemTypeRow {
  name: string;
  purpose: string;
  domain: number;
  pte: [string, string] | null;
  hardware: string | null;
  l1: [string, string] | null;
  sect: [string, string] | null;
  memory: { index: number; text: string } | null;
}

/** What lies in RAM: name, start, end, kind, gap behind it, what it overlaps by how many bytes, partly outside RAM. */
export type Payload = [string, number, number, string, number | null, [string, number][], boolean];

export interface Budget {
  lowmem: number;
  highmem: number;
  items: [string, number][];
  left: number;
}

export interface Side {
  name: string;
  kind: string;
  outcome: { boots: boolean | null; stage: string | null; reason: string | null } | null;
  kernel: {
    version: string | null;
    cpu: string | null;
    smp: boolean | null;
    format: "short" | "long";
    pageOffset: number;
    physOffset: number;
    taskSize: number;
    root: number;
    rootBytes: number;
    sectionSize: number;
    cmdline: string | null;
  };
  registers: Record<string, number>;
  stages: Stage[];
  log: Op[];
  lost: [number, number, string, number][];
  zones: [string, number, number, number, number][];
  findings: Finding[];
  assumptions: string[];
  rules: [string, boolean, string, string][];
  payloads: Payload[];
  budget?: Budget | null;
  memTypes: {
    policy: string;
    shared: boolean;
    types: MemTypeRow[];
    adjustments: [string, number, boolean, string[], string][];
    remap: { by: string; rows: [number, string, string, string][] };
  } | null;
  dmesg: string[];
  board: string;
  symbols: [string, number[]];
  decode: Decode;
  origins: OriginRow[];
  mapDescs: MapDesc[];
  causes: Cause[];
  journal: { wordBytes: number; addresses: number[]; counts: number[]; causes: number[] };
}

export interface Document {
  schema: string;
  bootmap: string;
  sides: Side[];
  stage?: string;
  live?: string;
}

export function bytesOf(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function unpacked(id: string): Promise<ArrayBuffer> {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page holds no ${id}`);
  const stream = new Blob([bytesOf(element.textContent ?? "") as BlobPart]).stream();
  const buffer = await new Response(stream.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  element.remove();
  return buffer;
}

export async function load(): Promise<{ document: Document; words: ArrayBuffer[] }> {
  const text = new TextDecoder().decode(await unpacked("document"));
  const doc = JSON.parse(text) as Document;
  if (doc.schema !== "bootmap.explore/1") throw new Error(`schema ${doc.schema}, expected bootmap.explore/1`);
  const words = await Promise.all(doc.sides.map((_, n) => unpacked(`words-${n}`)));
  return { document: doc, words };
}
