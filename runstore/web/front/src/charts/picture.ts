/** A chart as a file: a picture of its own, SVG, or PNG made of that; or its data. */
import { colorOf } from "../shell/theme";
import { kindOf, nameOf } from "./axes";
import type { PlotLine } from "./plot";
import { extent, padded } from "./ranges";
import { type Chart, csvOf, download, type Kind, nameOfFile } from "./saving";
import { logSplits, logTicks, marks } from "./logticks";
import { lasting, ticks, times } from "./words";

const WIDTH = 800;
const PLOT = { left: 64, top: 40, width: 716, height: 330 };
const LEGEND_ROW = 18;

type Scale = (value: number) => number;

export function svgOf(title: string, chart: Chart): string {
  const { across, log, lines } = chart;
  const [low, high] = padded(extent(lines, across[0], across[1], log, false), log);
  const x: Scale = (value) => PLOT.left + ((value - across[0]) / (across[1] - across[0] || 1)) * PLOT.width;
  const level = (value: number) => (log ? Math.log10(Math.max(value, low)) : value);
  const y: Scale = (value) => PLOT.top + PLOT.height - ((level(value) - level(low)) / (level(high) - level(low) || 1)) * PLOT.height;
  const below = PLOT.top + PLOT.height + 54;
  const height = below + Math.ceil(lines.length / 2) * LEGEND_ROW + 10;
  const [text, quiet, rule, ground] = ["--text", "--quiet", "--line", "--ground"].map((name) => colorOf(name));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${ground}"/>`,
    `<text x="${PLOT.left}" y="24" font-size="15" font-weight="600" fill="${text}">${escaped(title)}</text>`,
    `<clipPath id="inside"><rect x="${PLOT.left}" y="${PLOT.top}" width="${PLOT.width}" height="${PLOT.height}"/></clipPath>`,
    ...upright(low, high, log).map(([value, label]) => `<path d="M${PLOT.left} ${fixed(y(value))}h${PLOT.width}" stroke="${rule}"/><text x="${PLOT.left - 8}" y="${fixed(y(value) + 4)}" text-anchor="end" fill="${quiet}">${label}</text>`),
    ...along(chart).map(([value, label]) => `<text x="${fixed(x(value))}" y="${PLOT.top + PLOT.height + 18}" text-anchor="middle" fill="${quiet}">${label}</text>`),
    `<text x="${PLOT.left + PLOT.width / 2}" y="${PLOT.top + PLOT.height + 38}" text-anchor="middle" fill="${quiet}">${escaped(nameOf(chart.data.x))}</text>`,
    `<g clip-path="url(#inside)" fill="none">${lines.map((line) => drawn(line, x, y, log)).join("")}</g>`,
    ...lines.map((line, place) => legend(line, place, below, text ?? "")),
    "</svg>",
  ].join("\n");
}

function drawn(line: PlotLine, x: Scale, y: Scale, log: boolean): string {
  const parts: string[] = [];
  let isDown = false;
  const { spots } = line;
  spots.x.forEach((at, place) => {
    const value = spots.y[place];
    if (value === null || value === undefined || (log && value <= 0)) isDown = false;
    else {
      parts.push(`${isDown ? "L" : "M"}${fixed(x(at))} ${fixed(y(value))}`);
      isDown = true;
    }
  });
  const spikes = spots.x.flatMap((at, place) => {
    const cell = spots.cells[place];
    const value = spots.y[place];
    if (!cell || typeof value !== "number") return [];
    return [cell.below && cell.low, cell.above && cell.high].flatMap((tip) => (typeof tip === "number" ? `M${fixed(x(at))} ${fixed(y(value))}V${fixed(y(tip))}` : []));
  });
  const dash = line.dash.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
  return `${ranges(line, x, y)}<path d="${parts.join("")}" stroke="${line.ink}" stroke-width="1.5"${dash}/>${spikes.length ? `<path d="${spikes.join("")}" stroke="${line.ink}"/>` : ""}`;
}

function ranges({ spots, withRanges, ink }: PlotLine, x: Scale, y: Scale): string {
  if (!withRanges) return "";
  const known = spots.x.flatMap((at, place) => {
    const cell = spots.cells[place];
    return typeof cell?.low === "number" && typeof cell.high === "number" ? [[at, cell.low, cell.high] as const] : [];
  });
  if (known.length < 2) return "";
  const edge = [...known.map(([at, , high]) => `${fixed(x(at))} ${fixed(y(high))}`), ...known.reverse().map(([at, low]) => `${fixed(x(at))} ${fixed(y(low))}`)];
  return `<path d="M${edge.join("L")}Z" fill="${ink}" fill-opacity="0.18"/>`;
}

function legend(line: PlotLine, place: number, top: number, text: string): string {
  const [left, y] = [PLOT.left + (place % 2) * (PLOT.width / 2), top + Math.floor(place / 2) * LEGEND_ROW];
  const dash = line.dash.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
  return `<path d="M${left} ${y - 4}h20" stroke="${line.ink}" stroke-width="2"${dash}/><text x="${left + 28}" y="${y}" fill="${text}">${escaped(line.name.slice(0, 48))}</text>`;
}

function along({ data, across }: Chart): [number, string][] {
  const kind = kindOf(data.x);
  const spans = kind === "time" || kind === "duration" ? [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000, 864000, 1728000] : undefined;
  const values = marks(across[0], across[1], kind === "time" ? 6 : 8, spans);
  const step = (values[1] ?? 1) - (values[0] ?? 0);
  if (kind === "duration") return values.map((value) => [value, value ? lasting(value) : "0"]);
  const labels = kind === "time" ? times(values, step).map((label) => label.replace("\n", ", ")) : ticks(values, step);
  return values.map((value, place) => [value, labels[place] ?? ""]);
}

function upright(low: number, high: number, log: boolean): [number, string][] {
  if (!log) {
    const values = marks(low, high, 6);
    const labels = ticks(values, (values[1] ?? 1) - (values[0] ?? 0));
    return values.map((value, place) => [value, labels[place] ?? ""]);
  }
  const values = logSplits(low, high);
  const labels = logTicks(values);
  return values.map((value, place) => [value, labels[place] ?? ""]);
}

/** Give the chart to the browser as a file. */
export async function saved(kind: Kind, title: string, chart: Chart): Promise<void> {
  const content = { csv: () => new Blob([csvOf(chart)], { type: "text/csv" }), svg: () => new Blob([svgOf(title, chart)], { type: "image/svg+xml" }), png: () => pngOf(title, chart) };
  download(nameOfFile(title, kind), await content[kind]());
}

async function pngOf(title: string, chart: Chart): Promise<Blob> {
  const address = URL.createObjectURL(new Blob([svgOf(title, chart)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width * 2, image.height * 2];
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => canvas.toBlob((found) => (found ? resolve(found) : reject(new Error("no picture could be made")))));
  } finally {
    URL.revokeObjectURL(address);
  }
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
}
