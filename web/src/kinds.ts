// What a mapping is at a glance: the colours of every view.

import type { Meaning } from "./data";
import type { Cell } from "./walk";

export type Look = "none" | "table" | "rwx" | "rw" | "rx" | "ro" | "device" | "user";

export function lookOf(meaning: Meaning | undefined): Look {
  if (!meaning) return "none";
  if (meaning.device) return "device";
  if (meaning.w && meaning.x) return "rwx";
  if (meaning.w) return "rw";
  return meaning.x ? "rx" : "ro";
}

export function cellLook(cell: Cell, attributes: Meaning[]): Look {
  if (cell.role === "table") return "table";
  return cell.role === "block" ? lookOf(attributes[cell.meaning]) : "none";
}

/** The kind of reserved memory, by its owner's name: only for the colour. */
export function ownerLook(owner: string): string {
  if (/kernel|\.text|\.data|\.bss/i.test(owner)) return "kernel";
  if (/page directory|page table|swapper|pte|vector/i.test(owner)) return "tables";
  if (/device tree|dtb|atag/i.test(owner)) return "dtb";
  if (/initrd/i.test(owner)) return "initrd";
  if (/cma|reserved-memory/i.test(owner)) return "cma";
  return "other";
}
