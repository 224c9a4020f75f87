// From addresses to places on paper and back: straight, or with room for small things.

export interface Segment {
  start: number;
  end: number;
  y: number;
  height: number;
  hole: boolean;
}

export class Axis {
  constructor(readonly segments: Segment[], readonly length: number) {}

  get start(): number {
    return this.segments[0]?.start ?? 0;
  }

  get end(): number {
    return this.segments[this.segments.length - 1]?.end ?? 0;
  }

  y(address: number): number {
    const { segments } = this;
    if (!segments.length || address <= segments[0].start) return 0;
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (segments[middle].start <= address) low = middle + 1;
      else high = middle;
    }
    const at = segments[low - 1];
    return at.y + (Math.min(address - at.start, at.end - at.start) / (at.end - at.start)) * at.height;
  }

  address(y: number): number {
    const at = this.segments.find((segment) => y < segment.y + segment.height) ?? this.segments[this.segments.length - 1];
    if (!at) return 0;
    const inside = Math.max(0, Math.min(1, (y - at.y) / at.height));
    return Math.min(at.end - 1, Math.floor(at.start + inside * (at.end - at.start)));
  }
}

/** One segment: every byte has the same room. */
export function straight(start: number, end: number, length: number): Axis {
  return new Axis(end > start ? [{ start, end, y: 0, height: length, hole: false }] : [], length);
}

/** A segment between every two edges: each has room, holes little, more bytes a little more. */
export function bySegments(edges: number[], isHole: (start: number, end: number) => boolean, length: number, least = 15): Axis {
  const sorted = [...new Set(edges)].sort((a, b) => a - b);
  const parts: { start: number; end: number; hole: boolean; weight: number }[] = [];
  for (let i = 0; i + 1 < sorted.length; i++) {
    const [start, end] = [sorted[i], sorted[i + 1]];
    const hole = isHole(start, end);
    parts.push({ start, end, hole, weight: hole ? 0 : Math.log2((end - start) / 4096 + 2) });
  }
  const rest = Math.max(0, length - parts.length * least);
  const weights = parts.reduce((sum, part) => sum + part.weight, 0) || 1;
  let y = 0;
  const segments = parts.map(({ start, end, hole, weight }) => {
    const height = least + (rest * weight) / weights;
    const segment = { start, end, y, height, hole };
    y += height;
    return segment;
  });
  return new Axis(segments, y);
}
