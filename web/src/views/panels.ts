// What stands in the tabs: findings, memory, layout, memory types, zones, load map, calls, rules, log.

import { placeOn, select } from "../app";
import type { Budget } from "../data";
import { h, type Child } from "../dom";
import { hex, size } from "../format";
import { count, t } from "../i18n";
import { lookOf } from "../kinds";
import type { Model } from "../model";
import { showFinding } from "./search";
import { table } from "./table";
import { chain } from "./why";

const address = (space: "va" | "pa", at: number): Child => h("button", { class: "link mono", "onclick": () => select({ space, address: at }) }, hex(at));

function origin(model: Model, place: number): Child {
  return place < 0 ? "" : model.origin(place).map(([rule, text], n) => [n ? " ← " : "", h("span", { class: "rule" }, rule), ` ${text}`]);
}

export function findings(model: Model): Child {
  const { outcome, findings: rows } = model.side;
  if (!rows.length)
    return outcome ? h("p", {}, t("findings_none"), " ", outcome.boots ? t("outcome_good") : outcome.reason ?? "") : h("p", {}, t("none"));
  return h(
    "ul",
    { class: "findings" },
    rows.map((f) =>
      h(
        "li",
        { class: f.severity },
        h("p", {}, h("strong", {}, f.severity), ": ", f.title ? h("strong", {}, f.title) : null, " ", h("code", {}, `[${f.id}]`), f.stage ? [" · ", h("code", {}, f.stage)] : null),
        h("p", {}, f.message),
        f.where.map(([kind, text, place]) => h("p", { class: "note" }, `${kind}: ${text}`, place === kind ? null : ` (${place})`)),
        f.table.length > 1 ? table(f.title, f.table[0], f.table.slice(1)) : null,
        f.changes.length
          ? [
              h("p", {}, t("change")),
              h("ul", {}, f.changes.map(([text, note, after, best]) =>
                h("li", {}, h("code", {}, text), best ? h("strong", {}, ` ${t("recommended")}`) : null, note ? ` ${note}` : null, after ? h("small", {}, ` → ${after}`) : null))),
            ]
          : null,
        f.advice.length ? h("ul", {}, f.advice.map((text) => h("li", {}, text))) : null,
        f.origin >= 0 ? chain(model, f.origin) : null,
        h("button", { class: "show", "onclick": () => showFinding(model, f.stage, f.address) }, `${t("show")}${f.address !== null ? ` ${hex(f.address)}` : ""}`),
      ),
    ),
  );
}

export function memory(model: Model): Child {
  const stage = model.stage(placeOn(model));
  return [
    stage.lowmemLimit ? h("p", {}, t("limit", hex(stage.lowmemLimit))) : null,
    table(t("memory_rows"), [t("start"), t("end"), t("size"), t("kind"), t("origin")],
      stage.memoryRows.map(([start, end, kind, from]) => [address("pa", start), h("span", { class: "mono" }, hex(end - 1)), size(end - start), t(kind), origin(model, from)])),
    table(t("reserved_rows"), [t("start"), t("end"), t("size"), t("owner"), t("origin")],
      stage.reservedRows.map(([start, end, owner, from]) => [address("pa", start), h("span", { class: "mono" }, hex(end - 1)), size(end - start), owner, origin(model, from)])),
    model.side.lost.length
      ? table(t("lost"), [t("start"), t("end"), t("size"), t("why")],
          model.side.lost.map(([start, end, reason]) => [address("pa", start), h("span", { class: "mono" }, hex(end - 1)), size(end - start), reason]))
      : null,
  ];
}

export function layout(model: Model): Child {
  const place = placeOn(model);
  const { layout: areas, cost } = model.stage(place);
  return [
    cost ? h("p", {}, t("cost_line", count(cost.sections), count(cost.pages), size(cost.bytes), size(cost.pageOnlyBytes))) : null,
    areas.length
      ? table(t("areas_table"), [t("name"), t("start"), t("end"), t("size"), t("what")],
          areas.map(([name, start, end, what]) => [name, address("va", start), h("span", { class: "mono" }, hex(end - 1)), size(end - start), what]))
      : null,
    table(t("ranges_table"), [t("virtual"), t("size"), t("physical"), t("granule"), t("rights")],
      model.ranges(place).map((r) => {
        const meaning = model.side.decode.attributes[r.meaning];
        return [
          [address("va", r.va), h("span", { class: "mono" }, `-${hex(r.va + r.size - 1)}`)], size(r.size), address("pa", r.pa),
          [...r.granules].sort((a, b) => a - b).map(size).join(", "), [h("span", { class: `swatch ${lookOf(meaning)}` }), meaning?.text ?? ""],
        ];
      })),
  ];
}

export function types(model: Model): Child {
  const found = model.side.memTypes;
  if (!found) return h("p", {}, t(model.side.outcome ? "types_none" : "types_image"));
  const code = (pair: [string, string] | null): Child => (pair ? [h("span", { class: "mono" }, pair[0]), h("br"), h("small", {}, pair[1])] : "");
  return [
    h("p", {}, t("policy", found.policy), found.shared ? `; ${t("shareable")}` : ""),
    table(t("tab_types"), [t("type"), t("what"), "prot_pte", t("hw_pte"), "prot_l1", "prot_sect", t("means")],
      found.types.map((row) => [
        h("code", {}, `MT_${row.name}`), row.purpose, code(row.pte), h("span", { class: "mono" }, row.hardware ?? ""), code(row.l1), code(row.sect),
        row.memory ? [row.memory.text, h("br"), h("small", {}, `${found.remap.by} [${row.memory.index}]`)] : "",
      ])),
    table(t("remap", found.remap.by), [t("index"), t("encoding"), t("register"), t("means")],
      found.remap.rows.map(([n, encoding, register, text]) => [n, encoding, h("span", { class: "mono" }, register), text])),
    h("p", { class: "mono" }, Object.entries(model.side.registers).map(([name, value]) => `${name} ${hex(value)}  `)),
    h("h3", {}, t("adjustments")),
    h("ol", { class: "plain" }, found.adjustments.map(([field, bits, set, names, reason]) =>
      h("li", {}, h("code", {}, `${field} ${set ? "|=" : "&= ~"} 0x${bits.toString(16)}`), `: ${names.join(", ")} (${reason})`))),
  ];
}

export function zones(model: Model): Child {
  const rows = model.side.zones;
  if (!rows.length) return h("p", {}, t(model.side.outcome ? "zones_none" : "zones_image"));
  return table(t("tab_zones"), [t("zone"), t("first_pfn"), t("last_pfn"), t("size"), t("present"), t("managed")],
    rows.map(([name, start, end, present, managed]) => [
      name, address("pa", start * 4096), end > start ? h("span", { class: "mono" }, hex((end - 1) * 4096)) : "", size((end - start) * 4096),
      `${t("pages", count(present))} (${size(present * 4096)})`, `${t("pages", count(managed))} (${size(managed * 4096)})`,
    ]));
}

export function loads(model: Model): Child {
  const { payloads, budget } = model.side;
  if (!payloads.length) return h("p", {}, t("loads_none"));
  return [
    h("p", {}, t("loads_note")),
    table(t("tab_loads"), [t("start"), t("end"), t("size"), t("what"), t("gap")],
      payloads.map(([name, start, end, , gap, overlaps, outside]) => [
        address("pa", start), h("span", { class: "mono" }, hex(end - 1)), size(end - start), [name, outside ? h("strong", { class: "bad" }, ` ${t("outside_ram")}`) : null],
        overlaps.length
          ? overlaps.map(([other, bytes]) => h("strong", { class: "bad" }, t("overlap", size(bytes), other), " "))
          : gap === null ? "" : size(gap),
      ])),
    budget ? budgetTable(budget) : null,
  ];
}

/** Who takes of lowmem: a bar of the largest, and the rows. */
function budgetTable(budget: Budget): Child {
  const rows: [string, number][] = [...budget.items, [t("left"), budget.left]];
  return table(t("budget", size(budget.lowmem)), [t("what"), t("size"), ""],
    rows.map(([name, bytes]) => [
      name, size(bytes),
      h("meter", { min: 0, max: budget.lowmem, value: bytes, "aria-label": `${name} ${size(bytes)}` }),
    ]));
}

export function calls(model: Model): Child {
  const place = placeOn(model);
  const stage = model.stage(place);
  const rows = model.side.log.slice(0, stage.log);
  if (!rows.length) return h("p", {}, t("calls_none"));
  const from = place ? model.stage(place - 1).log : 0;
  return [
    h("p", { class: "note" }, t("calls_note")),
    table(t("tab_calls"), ["memblock_…", t("start"), t("end"), t("size"), t("result"), t("origin")],
      rows.map(([name, base, length, , at, result]) => [
        h("code", {}, name), address("pa", base), h("span", { class: "mono" }, length ? hex(base + length - 1) : ""), size(length),
        name === "alloc_range" ? (result ? hex(result) : h("strong", { class: "bad" }, t("failed"))) : String(result), origin(model, at),
      ]),
      (n) => n >= from),
  ];
}

export function rules(model: Model): Child {
  const { assumptions, rules: rows } = model.side;
  return [
    h("h3", {}, t("assumptions")),
    assumptions.length ? h("ul", {}, assumptions.map((text) => h("li", {}, text))) : h("p", {}, t("none")),
    rows.length
      ? table(t("rules"), [t("name"), "", t("why"), t("origin")], rows.map(([name, on, because, source]) => [h("code", {}, name), t(on ? "on" : "off"), because, source]))
      : null,
  ];
}

export function kernelLog(model: Model): Child {
  return model.side.dmesg.length ? h("pre", { class: "log" }, model.side.dmesg.join("\n")) : h("p", {}, t("none"));
}

