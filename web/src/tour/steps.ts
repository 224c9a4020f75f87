// The tour: what each step shows and which numbers of this board its text names. The texts are in en.ts and zh.ts.

import { hex, MIB, size } from "../format";
import type { Model } from "../model";
import { pageOf } from "../tables";
import type { Selection } from "../store";

/** The part of the page that a step is about. */
export type Place = "maps" | "directory" | "why" | "lists" | "timeline";

export interface View {
  stage: string;
  selection: Selection | null;
  tab?: string;
  place: Place;
}

export interface Step {
  name: string;
  kernel: string; // the function, with its file
  view: (m: Model) => View;
  numbers: (m: Model) => Record<string, string>;
}

export interface Text {
  title: string;
  text: string[];
  versions: string;
  question: string;
  answer: string;
}

const va = (address: number): Selection => ({ space: "va", address });
const pa = (address: number): Selection => ({ space: "pa", address });

/** The first of these stages that the boot reached, else its last. */
function reached(m: Model, ...names: string[]): string {
  return names.find((name) => m.placeOf(name) >= 0) ?? m.linkName(m.side.stages.length - 1);
}

const at = (m: Model, ...names: string[]): number => m.placeOfLink(reached(m, ...names));
const text = (m: Model): number => m.symbol("_stext") ?? m.symbol("_text") ?? m.side.kernel.pageOffset + 0x8000;
const sectionCount = (m: Model, place: number): number => m.ranges(place).reduce((n, r) => n + (r.granules.has(m.side.kernel.sectionSize) ? r.size / m.side.kernel.sectionSize : 0), 0);

/** An area of the layout, at the stage where it is known. */
function area(m: Model, name: string): [number, number] | null {
  for (const stage of [...m.side.stages].reverse()) {
    const found = stage.layout.find(([what]) => what === name);
    if (found) return [found[1], found[2]];
  }
  return null;
}

/** A free page of lowmem that nothing maps yet, where the reservations are done. */
function unmapped(m: Model): number {
  const place = at(m, "arm_memblock_init", "setup_machine_fdt");
  const stage = m.stage(place);
  for (const [start, end, kind] of stage.memoryRows)
    for (let address = start + 64 * MIB; kind === "lowmem" && address < end; address += 64 * MIB)
      if (!stage.reservedRows.some(([a, b]) => a <= address && address < b) && !m.explainPhysical(address, place).mapped.length) return address;
  return stage.memoryRows[0]?.[0] ?? m.side.kernel.physOffset;
}

/** The first virtual address behind a second-level table, at the end of paging_init: the vectors where there are any. */
function tabled(m: Model): number {
  const place = at(m, "paging_init", "devicemaps_init");
  const vectors = m.walker.walk(m.pages(place), 0xffff0000).outcome;
  if (vectors.mapped && vectors.size === 4096) return 0xffff0000;
  const cell = m.cells(place).find((c) => c.role === "table");
  return cell ? cell.va : text(m);
}

export const STEPS: Step[] = [
  {
    name: "dark",
    kernel: "arch/arm/kernel/head.S __create_page_tables",
    view: (m) => ({ stage: reached(m, "create_page_tables"), selection: va(text(m)), place: "maps" }),
    numbers: (m) => {
      const place = at(m, "create_page_tables");
      return {
        mapped: size(m.ranges(place).reduce((sum, r) => sum + r.size, 0)),
        sections: String(sectionCount(m, place)),
        image: hex(m.payload("kernel")?.[1] ?? m.side.kernel.physOffset),
        dtb: hex(m.payload("dtb")?.[1] ?? 0),
      };
    },
  },
  {
    name: "root",
    kernel: "arch/arm/kernel/head.S swapper_pg_dir",
    view: (m) => ({ stage: reached(m, "create_page_tables"), selection: pa(m.side.kernel.root), place: "directory" }),
    numbers: (m) => {
      const { kernel } = m.side;
      const part = m.long ? 4096 * (1 + Math.floor(kernel.pageOffset / 2 ** 30)) : (kernel.pageOffset / MIB) * 4;
      return {
        root: hex(kernel.root),
        offset: hex(kernel.root - kernel.physOffset, 4),
        bytes: size(m.long ? 20480 : 16384),
        words: m.long ? "4 + 4 x 512" : "4096",
        part: hex(part, 4),
        kernelPart: hex(kernel.root + part),
        pageOffset: hex(kernel.pageOffset),
      };
    },
  },
  {
    name: "memblock",
    kernel: "arch/arm/mm/init.c arm_memblock_init; mm/memblock.c",
    view: (m) => ({ stage: reached(m, "arm_memblock_init"), selection: pa(m.payload("kernel")?.[1] ?? m.side.kernel.physOffset), tab: "memory", place: "lists" }),
    numbers: (m) => {
      const stage = m.stage(at(m, "arm_memblock_init"));
      return {
        memory: String(stage.memory.length),
        reserved: String(stage.reserved.length),
        ram: size(stage.memory.reduce((sum, [, bytes]) => sum + bytes, 0)),
      };
    },
  },
  {
    name: "touch",
    kernel: "mm/memblock.c memblock_set_current_limit",
    view: (m) => ({ stage: reached(m, "arm_memblock_init"), selection: pa(unmapped(m)), place: "why" }),
    numbers: (m) => ({ free: hex(unmapped(m)), limit: hex(m.stage(at(m, "adjust_lowmem_bounds", "arm_memblock_init")).currentLimit) }),
  },
  {
    name: "lowmem",
    kernel: "arch/arm/mm/mmu.c adjust_lowmem_bounds",
    view: (m) => ({ stage: reached(m, "adjust_lowmem_bounds", "arm_memblock_init"), selection: pa(Math.max(m.side.kernel.physOffset, m.stage(at(m, "adjust_lowmem_bounds", "arm_memblock_init")).lowmemLimit - 4096)), place: "maps" }),
    numbers: (m) => {
      const stage = m.stage(at(m, "adjust_lowmem_bounds", "arm_memblock_init"));
      const sum = (kind: string): string => size(stage.memoryRows.reduce((n, [start, end, what]) => n + (what === kind ? end - start : 0), 0));
      return { limit: hex(stage.lowmemLimit), lowmem: sum("lowmem"), highmem: sum("highmem"), lost: size(m.side.lost.reduce((n, [start, end]) => n + end - start, 0)) };
    },
  },
  {
    name: "linear",
    kernel: "arch/arm/include/asm/memory.h __va, __pa",
    view: (m) => ({ stage: reached(m, "map_lowmem"), selection: va(m.side.kernel.pageOffset + 64 * MIB), place: "maps" }),
    numbers: (m) => ({ delta: hex((((m.side.kernel.pageOffset - m.side.kernel.physOffset) % 2 ** 32) + 2 ** 32) % 2 ** 32), pageOffset: hex(m.side.kernel.pageOffset), physOffset: hex(m.side.kernel.physOffset) }),
  },
  {
    name: "sections",
    kernel: "arch/arm/mm/mmu.c alloc_init_pmd",
    view: (m) => ({ stage: reached(m, "paging_init", "map_lowmem"), selection: va(text(m)), tab: "layout", place: "lists" }),
    numbers: (m) => {
      const cost = m.stage(at(m, "paging_init", "map_lowmem")).cost;
      return { section: size(m.side.kernel.sectionSize), sections: String(cost?.sections ?? "?"), pages: String(cost?.pages ?? "?"), bytes: size(cost?.bytes ?? 0), pageOnly: size(cost?.pageOnlyBytes ?? 0) };
    },
  },
  {
    name: "types",
    kernel: "arch/arm/mm/mmu.c build_mem_type_table",
    view: (m) => ({ stage: reached(m, "build_mem_type_table"), selection: null, tab: "types", place: "lists" }),
    numbers: (m) => ({ policy: m.side.memTypes?.policy ?? "?", cpu: m.side.kernel.cpu ?? "?", adjustments: String(m.side.memTypes?.adjustments.length ?? 0), by: m.side.memTypes?.remap.by ?? "?" }),
  },
  {
    name: "prepare",
    kernel: "arch/arm/mm/mmu.c prepare_page_table",
    view: (m) => ({ stage: reached(m, "prepare_page_table"), selection: va(m.walker.cells(m.pages(at(m, "create_page_tables"))).find((c) => c.role === "block" && c.va < m.side.kernel.pageOffset - 16 * MIB)?.va ?? 0), place: "directory" }),
    numbers: (m) => {
      const place = at(m, "prepare_page_table");
      const stage = m.stage(place);
      const [base, bytes] = stage.memory[0] ?? [0, 0];
      const end = Math.min(base + bytes, stage.lowmemLimit || base + bytes);
      return { modules: hex(m.side.kernel.taskSize), pageOffset: hex(m.side.kernel.pageOffset), first: hex(end), firstVirtual: hex(m.linear(end)), words: String(m.changes(place).words) };
    },
  },
  {
    name: "map-lowmem",
    kernel: "arch/arm/mm/mmu.c map_lowmem, map_kernel",
    view: (m) => ({ stage: reached(m, "map_kernel", "map_lowmem"), selection: va(text(m)), place: "directory" }),
    numbers: (m) => {
      const place = at(m, "map_kernel", "map_lowmem");
      const parts = m.ranges(place).filter((r) => r.va >= m.side.kernel.pageOffset && r.va < m.stage(place).highMemory);
      return {
        parts: parts.map((r) => `${hex(r.va)}-${hex(r.va + r.size - 1)} ${m.side.decode.attributes[r.meaning]?.rights.split(" ")[0] ?? ""}`).join("; "),
        words: String(m.changes(at(m, "map_lowmem")).words),
      };
    },
  },
  {
    name: "map-desc",
    kernel: "arch/arm/mm/mmu.c create_mapping, struct map_desc",
    view: (m) => ({ stage: reached(m, "map_kernel", "map_lowmem"), selection: va(text(m)), place: "why" }),
    numbers: (m) => {
      const place = at(m, "map_kernel", "map_lowmem");
      const writers = m.explainVirtual(text(m), place).words[0]?.writers ?? [];
      const last = writers[writers.length - 1];
      const md = last ? m.mapDesc(m.cause(last.cause)[2]) : null;
      return md
        ? { virtual: hex(md[0]), pfn: `0x${md[1].toString(16)}`, length: `0x${md[2].toString(16)}`, type: `MT_${md[3]}`, physical: hex(md[1] * 4096) }
        : { virtual: "?", pfn: "?", length: "?", type: "?", physical: "?" };
    },
  },
  {
    name: "folded",
    kernel: "arch/arm/include/asm/pgtable-2level.h, pgtable-3level.h",
    view: (m) => ({ stage: reached(m, "paging_init", "map_lowmem"), selection: va(tabled(m)), place: "why" }),
    numbers: (m) => ({ levels: m.explainVirtual(tabled(m), at(m, "paging_init", "map_lowmem")).words.filter((w) => w.half !== "Linux").map((w) => w.level).join(" → ") }),
  },
  {
    name: "halves",
    kernel: "arch/arm/include/asm/pgtable-2level.h; arch/arm/mm/mmu.c early_pte_alloc, early_pte_install",
    view: (m) => ({ stage: reached(m, "paging_init", "devicemaps_init"), selection: va(tabled(m)), place: "directory" }),
    numbers: (m) => {
      const words = m.explainVirtual(tabled(m), at(m, "paging_init", "devicemaps_init")).words;
      const hardware = words[words.length - 1]?.half === "Linux" ? words[words.length - 2] : words[words.length - 1];
      const linux = words.find((w) => w.half === "Linux");
      return { va: hex(tabled(m)), page: hex(pageOf(hardware?.address ?? 0)), hardware: hex(hardware?.address ?? 0), linux: linux ? hex(linux.address) : "-" };
    },
  },
  {
    name: "devicemaps",
    kernel: "arch/arm/mm/mmu.c devicemaps_init; arch/arm/kernel/traps.c early_trap_init",
    view: (m) => ({ stage: reached(m, "devicemaps_init"), selection: va(0xffff0000), place: "why" }),
    numbers: (m) => {
      const { outcome } = m.walker.walk(m.pages(at(m, "devicemaps_init")), 0xffff0000);
      return { vectors: outcome.mapped ? hex(outcome.pa) : "?", areas: String(m.ranges(at(m, "devicemaps_init")).filter((r) => r.va >= (m.stage(at(m, "devicemaps_init")).highMemory || 0)).length) };
    },
  },
  {
    name: "kmap",
    kernel: "arch/arm/mm/mmu.c kmap_init",
    view: (m) => ({ stage: reached(m, "kmap_init"), selection: va(area(m, "pkmap")?.[0] ?? area(m, "fixmap")?.[0] ?? 0xffe00000), place: "directory" }),
    numbers: (m) => {
      const pkmap = area(m, "pkmap");
      return { pkmap: pkmap ? `${hex(pkmap[0])}-${hex(pkmap[1] - 1)}` : "-", tables: String(m.changes(at(m, "kmap_init")).tables) };
    },
  },
  {
    name: "bootmem",
    kernel: "arch/arm/mm/init.c bootmem_init, zone_sizes_init",
    view: (m) => ({ stage: reached(m, "bootmem_init"), selection: null, tab: "zones", place: "lists" }),
    numbers: (m) => ({ zones: m.side.zones.map(([name, , , present]) => `${name} ${size(present * 4096)}`).join(", ") || "-" }),
  },
  {
    name: "rodata",
    kernel: "arch/arm/mm/init.c free_initmem, mark_rodata_ro",
    view: (m) => ({ stage: reached(m, "mark_rodata_ro"), selection: va(text(m)), place: "directory" }),
    numbers: (m) => ({ words: String(m.changes(at(m, "mark_rodata_ro")).words), rights: (() => {
      const { outcome } = m.walker.walk(m.pages(at(m, "mark_rodata_ro")), text(m));
      return outcome.mapped ? m.side.decode.attributes[outcome.meaning]?.rights.split(" ")[0] ?? "?" : "-";
    })() }),
  },
];

