// A page from `bootmap serve` asks now and then whether its board has changed, and loads itself again.

const PACE = 1000; // ms

export function watch(address: string): void {
  let known: string | null = null;
  const ask = async (): Promise<void> => {
    try {
      const stamp = await (await fetch(address, { cache: "no-store" })).text();
      if (known !== null && stamp !== known) location.reload();
      known = stamp;
    } catch {
      // The server is gone; the page still is all there.
    }
    window.setTimeout(ask, PACE);
  };
  void ask();
}
