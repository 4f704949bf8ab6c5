/** What is measured of a machine: what belongs together is one chart, with a line for each processor, disk or GPU. */

/** Names of measurements by the charts they are in: `gpu.0.temp` and `gpu.1.temp` are lines of `gpu.*.temp`. */
export function machineCharts(keys: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const key of keys) {
    const chart = chartOf(key);
    found.set(chart, [...(found.get(chart) ?? []), key]);
  }
  for (const lines of found.values()) lines.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  return found;
}

function chartOf(key: string): string {
  return key
    .split(".")
    .map((part, place) => (place > 0 && /^\d+$/.test(part) ? "*" : part))
    .join(".");
}

/** What a line of a chart is called: the number that stands for the star, or the whole name. */
export function lineName(key: string, chart: string): string {
  const parts = chart.split(".");
  const numbers = key.split(".").filter((_, place) => parts[place] === "*");
  return numbers.length ? `${parts[0]} ${numbers.join(".")}` : key;
}

/** Under which head a chart stands. */
export function machineSection(chart: string): string {
  const first = chart.split(".")[0] ?? "";
  return { gpu: "GPU", proc: "This process" }[first] ?? "Machine";
}
