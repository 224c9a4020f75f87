// Numbers as the kernel prints them.

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** An address: at least eight hexadecimal digits. */
export const hex = (address: number, digits = 8): string => `0x${address.toString(16).padStart(digits, "0")}`;

/** A word of 4 or 8 bytes. */
export const word = (lo: number, hi: number, bytes: number): string =>
  bytes > 4 ? hex(hi) + lo.toString(16).padStart(8, "0") : hex(lo);

/** A closed range. */
export const span = (start: number, end: number): string => `${hex(start)}-${hex(end - 1)}`;

/** A size: the largest unit that divides it, else one decimal. */
export function size(bytes: number): string {
  for (const [unit, name] of [[GIB, "GiB"], [MIB, "MiB"], [KIB, "KiB"]] as [number, string][]) {
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit} ${name}`;
    if (bytes >= 8 * unit || (unit === KIB && bytes >= unit)) return `${(bytes / unit).toFixed(1)} ${name}`;
  }
  return `${bytes} B`;
}

/** A number as people write addresses: 0x40000000, 1073741824, 64M; null where it is none. */
export function parseAddress(text: string): number | null {
  const match = /^(0x[0-9a-f]+|[0-9]+)([kmg]?)$/i.exec(text.trim());
  if (!match) return null;
  const scale = { "": 1, k: KIB, m: MIB, g: GIB }[match[2].toLowerCase()] ?? 1;
  const value = Number(match[1]) * scale;
  return Number.isSafeInteger(value) ? value : null;
}
