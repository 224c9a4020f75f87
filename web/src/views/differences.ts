// Two boots side by side: what differs at the shown stage.

import { models, placeOn, select } from "../app";
import { h, type Child } from "../dom";
import { hex, size, span } from "../format";
import { t } from "../i18n";
import { differing } from "./directory";
import { table } from "./table";
import type { Model } from "../model";

export function differences(): Child {
  const words = runs([...differing()].sort((a, b) => a - b));
  const facts = factRows();
  const regions = regionRows();
  const rules = ruleRows();
  const total = words.reduce((sum, run) => sum + run.count, 0);
  if (!words.length && !facts.length && !regions.length) return h("p", {}, t("differences_none"));
  return [
    facts.length ? table(t("differences_facts"), [t("what"), "A", "B"], facts) : null,
    words.length
      ? table(t("differences_words", total), [t("virtual"), t("size"), "A", "B"],
          words.map((run) => [
            h("button", { class: "link mono", "onclick": () => select({ space: "va", address: run.start }) }, span(run.start, run.end)),
            size(run.end - run.start), ...models.map((model) => what(model, run.start)),
          ]))
      : null,
    regions.length ? table(t("differences_regions"), ["", t("start"), t("end"), t("size"), ""], regions) : null,
    rules.length ? table(t("rules"), [t("name"), "A", "B"], rules) : null,
  ];
}

interface Run {
  start: number;
  end: number;
  count: number;
}

function runs(places: number[]): Run[] {
  const cell = Math.min(...models.map((model) => 2 ** (model.long ? 21 : 20)));
  const out: Run[] = [];
  for (const va of places) {
    const last = out[out.length - 1];
    if (last && last.end === va && models.every((m) => what(m, last.start, false) === what(m, va, false))) {
      last.end += cell;
      last.count++;
    } else out.push({ start: va, end: va + cell, count: 1 });
  }
  return out;
}

/** What stands for an address on a side: its rights, and where it leads. */
function what(model: Model, va: number, place = true): string {
  const { outcome } = model.walker.walk(model.pages(placeOn(model)), va);
  if (!outcome.mapped) return t("look_none");
  return `${place ? `${hex(outcome.pa)} ` : ""}${model.side.decode.attributes[outcome.meaning]?.text ?? ""}`;
}

function factRows(): Child[][] {
  const rows: Child[][] = [];
  const add = (name: string, read: (model: Model) => string): void => {
    const [a, b] = models.map(read);
    if (a !== b) rows.push([name, a, b]);
  };
  add(t("stage"), (m) => m.stage(placeOn(m)).name);
  add("Linux", (m) => m.side.kernel.version ?? "?");
  add("CPU", (m) => m.side.kernel.cpu ?? "?");
  add(t("tab_findings"), (m) => m.side.findings.map((f) => f.id).join(", ") || t("none"));
  add("PAGE_OFFSET", (m) => hex(m.side.kernel.pageOffset));
  add("PHYS_OFFSET", (m) => hex(m.side.kernel.physOffset));
  add(t("lowmem"), (m) => hex(m.stage(placeOn(m)).lowmemLimit));
  add(t("directory"), (m) => hex(m.side.kernel.root));
  add(t("tab_zones"), (m) => m.side.zones.map(([name, , , , managed]) => `${name} ${size(managed * 4096)}`).join(", "));
  return rows;
}

/** The rules on which the two kernels differ. */
function ruleRows(): Child[][] {
  const rules = models.map((m) => new Map(m.side.rules.map(([name, on]) => [name, on])));
  return [...rules[0]]
    .filter(([name, on]) => rules[1].has(name) && rules[1].get(name) !== on)
    .map(([name, on]) => [h("code", {}, name), t(on ? "on" : "off"), t(on ? "off" : "on")]);
}

function regionRows(): Child[][] {
  const lists = models.map((m) => {
    const stage = m.stage(placeOn(m));
    const rows = [...stage.memoryRows.map(([s, e, kind]) => [s, e, t(kind)] as const), ...stage.reservedRows.map(([s, e, owner]) => [s, e, owner || t("reserved_rows")] as const)];
    return new Map(rows.map((row) => [row.join(" "), row]));
  });
  return lists.flatMap((list, n) =>
    [...list].filter(([key]) => !lists[1 - n].has(key)).map(([, [start, end, name]]) => [
      t("only", "AB"[n]), h("button", { class: "link mono", "onclick": () => select({ space: "pa", address: start }) }, hex(start)),
      h("span", { class: "mono" }, hex(end - 1)), size(end - start), name,
    ]),
  );
}
