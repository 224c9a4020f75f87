// Labels beside a bar: none over another, as near to what they name as that allows.

export interface Label {
  side: "pa" | "va";
  from: number;
  to: number;
  text: string;
  note: string;
  weight: number; // the heavier stay where there is no room for all
  start: number;
  end: number;
}

const HEIGHT = 14;
const CHARACTER = 6.1;

/** Places for labels between top and bottom, their text cut to a width. */
export function placed(labels: Label[], top: number, bottom: number, width: number, narrow: boolean): (Label & { y: number; shown: string })[] {
  const room = Math.floor((bottom - top) / HEIGHT);
  const kept = [...labels].sort((a, b) => b.weight - a.weight || b.to - b.from - (a.to - a.from)).slice(0, room);
  const sorted = kept
    .map((label) => ({ ...label, y: Math.max(top + HEIGHT / 2, (label.from + label.to) / 2), shown: "" }))
    .sort((a, b) => a.y - b.y);
  for (let i = 1; i < sorted.length; i++) sorted[i].y = Math.max(sorted[i].y, sorted[i - 1].y + HEIGHT);
  let limit = bottom - HEIGHT / 2;
  for (let i = sorted.length - 1; i >= 0 && sorted[i].y > limit; i--, limit -= HEIGHT) sorted[i].y = limit;
  for (const label of sorted) {
    if (narrow || (label.text.length + label.note.length + 1) * CHARACTER > width) label.note = "";
    const letters = Math.floor(width / CHARACTER) - (label.note ? label.note.length + 1 : 0);
    label.shown = label.text.length > letters ? `${label.text.slice(0, Math.max(1, letters - 1))}…` : label.text;
  }
  return sorted;
}
