// What the page shows, in one value; kept in the address bar, so that a link restores a view.

export type Space = "va" | "pa";
export type Scale = "segments" | "straight";

export interface Selection {
  space: Space;
  address: number;
}

export interface State {
  stage: string;
  selection: Selection | null;
  tab: string;
  scale: Scale;
  lang: "en" | "zh";
  tour: string | null; // a step's name
}

type Listener = (state: State, before: State) => void;

export class Store {
  private listeners: Listener[] = [];
  private writing = false;

  constructor(private current: State) {
    window.addEventListener("hashchange", () => {
      if (!this.writing) this.set(readHash(location.hash, this.current));
      this.writing = false;
    });
  }

  get state(): State {
    return this.current;
  }

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  set(change: Partial<State>): void {
    const before = this.current;
    this.current = { ...before, ...change };
    const hash = writeHash(this.current);
    if (hash !== location.hash) history.replaceState(null, "", hash);
    for (const listener of this.listeners) listener(this.current, before);
  }
}

export function writeHash(state: State): string {
  const parts = [`stage=${encodeURIComponent(state.stage)}`];
  if (state.selection) parts.push(`${state.selection.space}=0x${state.selection.address.toString(16)}`);
  if (state.tab !== "findings") parts.push(`tab=${state.tab}`);
  if (state.scale !== "segments") parts.push(`scale=${state.scale}`);
  if (state.lang !== "en") parts.push(`lang=${state.lang}`);
  if (state.tour) parts.push(`tour=${state.tour}`);
  return `#${parts.join("&")}`;
}

export function readHash(hash: string, usual: State): State {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const state = { ...usual };
  state.stage = asked.get("stage") ?? usual.stage;
  for (const space of ["va", "pa"] as Space[]) {
    const address = Number(asked.get(space) ?? NaN);
    const limit = space === "va" ? 2 ** 32 : 2 ** 40;
    if (Number.isInteger(address) && address >= 0 && address < limit) state.selection = { space, address };
  }
  if (/^[a-z]+$/.test(asked.get("tab") ?? "")) state.tab = asked.get("tab") as string;
  const scale = asked.get("scale");
  if (scale === "straight" || scale === "segments") state.scale = scale;
  const lang = asked.get("lang");
  if (lang === "zh" || lang === "en") state.lang = lang;
  if (/^[a-z0-9-]+$/.test(asked.get("tour") ?? "")) state.tour = asked.get("tour");
  else if (hash.length > 1) state.tour = null;
  return state;
}
