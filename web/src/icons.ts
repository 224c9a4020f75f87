// The few signs on buttons, drawn: fonts differ in which of them they have.

import { s } from "./dom";

const PATHS = {
  first: "M3 2v12M14 2 6 8l8 6z",
  previous: "M12 2 4 8l8 6z",
  play: "M4 2l9 6-9 6z",
  pause: "M4 2h3v12H4zM10 2h3v12h-3z",
  next: "M2 2l8 6-8 6zM13 2v12",
  theme: "M8 1.5a6.5 6.5 0 0 0 0 13zM8 1.5a6.5 6.5 0 0 1 0 13V13a5 5 0 0 0 0-10z",
  close: "M3 3l10 10M13 3 3 13",
} as const;

export const icon = (name: keyof typeof PATHS): SVGElement =>
  s("svg", { class: "icon", viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, s("path", { class: `icon-${name}`, d: PATHS[name] }));
