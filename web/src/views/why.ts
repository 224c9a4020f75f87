// Why an address is what it is: the chain back to the board's bytes, and the walk down the tables.

import { models, placeOn, select, selected, store } from "../app";
import { h, replace, type Child } from "../dom";
import { hex, size, span, word } from "../format";
import { t } from "../i18n";
import type { Model, PhysicalFacts, VirtualFacts, Word } from "../model";
import { lookOf } from "../kinds";

export function why(): { element: HTMLElement; render: () => void } {
  const title = h("h2");
  const body = h("div", { class: "why-body" });
  const element = h("section", { class: "panel why", id: "why", tabindex: -1 }, title, body);
  const render = (): void => {
    title.textContent = t("why");
    const { selection } = store.state;
    if (!selection) replace(body, h("p", { class: "note" }, t("why_none")));
    else
      replace(
        body,
        models.map((model, n) => [models.length > 1 ? h("h3", { class: "which" }, `${"AB"[n]}: ${model.side.name}`) : null, ...answer(model)]),
      );
  };
  return { element, render };
}

function answer(model: Model): Child[] {
  const { selection } = store.state;
  const place = placeOn(model);
  const { va, pa } = selected(model);
  const parts: Child[] = [];
  const virtual = (): void => {
    if (va !== null && model.hasTables(place)) parts.push(virtualPart(model, model.explainVirtual(va, place)));
    else if (va !== null) parts.push(h("h3", {}, t("why_virtual", hex(va))), h("p", {}, t("directory_none")));
  };
  const physical = (): void => {
    if (pa !== null) parts.push(physicalPart(model, model.explainPhysical(pa, place)));
  };
  if (selection?.space === "va") (virtual(), physical());
  else (physical(), virtual());
  return parts;
}

const link = (space: "va" | "pa", address: number): Child =>
  h("button", { class: "link mono", "onclick": () => select({ space, address }) }, hex(address));

const fact = (name: string, ...value: Child[]): Child => [h("dt", {}, name), h("dd", {}, value)];

// -- physical --------------------------------------------------------------------------------------------------

function physicalPart(model: Model, facts: PhysicalFacts): Child {
  const word = model.wordTarget(facts.address - (facts.address % model.wordBytes), placeOn(model));
  return h(
    "div",
    { class: "part", "data-part": "physical" },
    h("h3", {}, t("why_physical", hex(facts.address))),
    h(
      "dl",
      {},
      fact(t("kind"), h("span", { class: `badge kind ${facts.kind.split(" ")[0]}` }, kindText(facts.kind))),
      facts.owner ? fact(t("owner"), facts.owner[2] || "?", h("small", {}, ` ${span(facts.owner[0], facts.owner[1])}`)) : null,
      facts.linear !== null ? fact(t("linear_at"), link("va", facts.linear)) : null,
      fact(t("mapped_at"), facts.mapped.length ? facts.mapped.slice(0, 6).map((va) => [link("va", va), " "]) : t("mapped_not")),
      word !== null ? fact(t("stands_for"), link("va", word)) : null,
    ),
    facts.bank >= 0 ? [h("h4", {}, t("bank")), chain(model, facts.bank)] : null,
    facts.lost.map(([start, end, reason, origin]) => [
      h("h4", { class: "bad" }, `${t("lost")}: ${span(start, end)}`), h("p", {}, reason), origin >= 0 ? chain(model, origin) : null,
    ]),
    facts.operations.length
      ? [
          h("h4", {}, t("calls")),
          h(
            "ol",
            { class: "ops" },
            facts.operations.map(([name, base, length, , origin]) =>
              h("li", {}, h("code", {}, name), " ", h("span", { class: "mono" }, `[${span(base, base + length)}]`), origin >= 0 ? chain(model, origin) : null),
            ),
          ),
        ]
      : null,
  );
}

export function kindText(kind: string): string {
  return kind === "not RAM to the kernel" ? t("outside") : t(kind);
}

/** Every link, down to the byte it came from. */
export function chain(model: Model, origin: number): Child {
  return h(
    "ul",
    { class: "chain" },
    model.origin(origin).map(([rule, text, offset]) => h("li", {}, h("span", { class: "rule" }, rule), " ", text, bytes(model, rule, offset))),
  );
}

function bytes(model: Model, rule: string, offset: number | null): Child {
  if (offset === null || rule === "command line") return null;
  const found = model.boardAround(offset, 32);
  if (!found) return null;
  const cells = [...found.bytes].map((byte, n) => {
    const here = found.start + n - offset;
    const text = byte.toString(16).padStart(2, "0");
    return [n && n % 16 === 0 ? "\n" : n ? " " : "", here >= 0 && here < 8 ? h("mark", {}, text) : text];
  });
  return h("pre", { class: "bytes", "aria-label": t("bytes_at", rule, hex(found.start, 4)) }, `${hex(found.start, 4)}: `, cells);
}

// -- virtual ---------------------------------------------------------------------------------------------------

function virtualPart(model: Model, facts: VirtualFacts): Child {
  const { outcome, root } = facts.walk;
  const meaning = outcome.mapped ? model.side.decode.attributes[outcome.meaning] : undefined;
  const symbol = model.symbolAt(facts.address);
  return h(
    "div",
    { class: "part", "data-part": "virtual" },
    h("h3", {}, t("why_virtual", hex(facts.address))),
    h(
      "dl",
      {},
      facts.areas.length ? fact(t("areas"), facts.areas.join(", ")) : null,
      symbol ? fact(t("symbol"), h("code", {}, symbol)) : null,
      outcome.mapped
        ? [fact(t("physical"), link("pa", outcome.pa), h("small", {}, ` (${size(outcome.size)})`)), fact(t("rights"), h("span", { class: `swatch ${lookOf(meaning)}` }), meaning?.text ?? "")]
        : fact(t("fault"), `${outcome.text}, level ${outcome.level}${outcome.status === undefined ? "" : `, status ${hex(outcome.status, 2)}`}`),
    ),
    h("h4", {}, t("walk")),
    root ? h("p", { class: "note" }, t("begins", root.register, hex(root.base))) : null,
    h("ol", { class: "walk" }, facts.words.map((w) => h("li", {}, wordPart(model, w)))),
    facts.words.some((w) => w.half === "Linux") ? h("p", { class: "note" }, t("twins")) : null,
  );
}

function wordPart(model: Model, w: Word): Child[] {
  const half = t(`half_${w.half}`);
  const linux = w.step ? (w.half === "hardware" ? "" : model.walker.linux(w.step)) : model.walker.linuxPte(w.lo);
  return [
    h(
      "p",
      { class: "word" },
      h("code", { class: "level" }, `${w.level}[${w.index} = 0x${w.index.toString(16)}]`),
      half ? h("span", { class: "badge half" }, half) : null,
      " ", link("pa", w.address), " = ",
      h("strong", { class: "mono" }, word(w.lo, w.hi, model.wordBytes)),
    ),
    linux ? h("p", { class: "bits" }, linux) : null,
    w.step
      ? h(
          "table",
          { class: "fields" },
          h("caption", {}, w.step.kind.name),
          h("tbody", {}, model.walker.fields(w.step).map((f) => h("tr", {}, h("th", { scope: "row" }, f.name, h("small", {}, f.place)), h("td", { class: "mono" }, f.value), h("td", {}, f.meaning)))),
        )
      : null,
    h("ul", { class: "writers" }, w.writers.map((write, n) => writer(model, write, n === w.writers.length - 1))),
  ];
}

function writer(model: Model, write: { cause: number; lo: number; hi: number }, last: boolean): Child {
  const [stage, step, map, origin] = model.cause(write.cause);
  const md = model.mapDesc(map);
  const value = word(write.lo, write.hi, model.wordBytes);
  return h(
    "li",
    { class: last ? "now" : "" },
    h("small", {}, t(last ? "now" : "was")), " ", h("span", { class: "mono" }, value), " ",
    h("button", { class: "link", "onclick": () => store.set({ stage: model.linkName(Math.max(0, model.placeOf(stage))) }) }, stage), `, ${step}`,
    last && md
      ? h(
          "div",
          { class: "md" },
          h("code", {}, `map_desc virtual ${hex(md[0])} pfn 0x${md[1].toString(16)} length 0x${md[2].toString(16)} MT_${md[3]}`), `: ${md[4]}`,
          md[6] >= 0 ? chain(model, md[6]) : null,
        )
      : last && origin >= 0
        ? chain(model, origin)
        : null,
  );
}
