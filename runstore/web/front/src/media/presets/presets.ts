/** `wandb.plot`'s presets: from the columns of a table to what is drawn. */
import { colorAt } from "../../parts/colors";
import { binned } from "./bins";

export interface ChartAnswer {
  definition: string;
  texts: Record<string, string>;
  /** Field of the definition -> column of the table. */
  fields: Record<string, string>;
  runs: Record<string, ChartRun>;
}

export type Cell = null | boolean | number | string;

export interface ChartRun {
  step?: number | null;
  columns?: Record<string, Cell[]>;
  rows?: number;
  of?: number;
  error?: string;
}

export interface RunLook {
  ref: string;
  name: string;
  color: string;
  dash: number[];
}

export interface Series {
  name: string;
  color: string;
  dash: string;
  points: [number, number][];
}

interface Titles {
  title: string;
  x: string;
  y: string;
}

export type Drawing =
  | ({ kind: "lines" | "dots"; series: Series[] } & Titles)
  | ({ kind: "bars"; bars: { name: string; value: number; color: string }[] } & Titles)
  | ({ kind: "histogram"; sets: { name: string; color: string; counts: number[] }[]; edges: number[] } & Titles)
  | ({ kind: "matrix"; classes: string[]; counts: number[][] } & Titles);

const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 4"];
const BINS = 40;

/** What is to be drawn; nothing for a definition that is not known here. */
export function drawingOf(answer: ChartAnswer, runs: readonly RunLook[]): Drawing[] {
  const drawn = runs.flatMap((run) => {
    const columns = answer.runs[run.ref]?.columns;
    return columns ? [{ run, columns }] : [];
  });
  const { texts, fields } = answer;
  const titles = (x = "", y = ""): Titles => ({ title: texts["title"] ?? "", x: texts["x-axis-title"] ?? texts["xname"] ?? x, y: texts["y-axis-title"] ?? y });
  switch (answer.definition) {
    case "wandb/line/v0":
      return [{ kind: "lines", series: series(drawn, "x", "y", "stroke"), ...titles(fields["x"], fields["y"]) }];
    case "wandb/scatter/v0":
      return [{ kind: "dots", series: series(drawn, "x", "y"), ...titles(fields["x"], fields["y"]) }];
    case "wandb/lineseries/v0":
      return [{ kind: "lines", series: series(drawn, "step", "lineVal", "lineKey"), ...titles("x", "") }];
    case "wandb/area-under-curve/v0":
      return [{ kind: "lines", series: series(drawn, "x", "y", "class"), ...titles(fields["x"], fields["y"]) }];
    case "wandb/bar/v0":
      return [{ kind: "bars", bars: bars(drawn), ...titles(fields["label"], fields["value"]) }];
    case "wandb/histogram/v0":
      return [{ kind: "histogram", ...histogram(drawn), ...titles(fields["value"], "") }];
    case "wandb/confusion_matrix/v1":
    case "wandb/confusion_matrix/v0":
      return drawn.map(({ run, columns }) => ({ kind: "matrix", ...matrix(columns), ...titles("predicted", "actual"), title: drawn.length > 1 ? run.name : (texts["title"] ?? "") }));
    default:
      return [];
  }
}

interface Drawn {
  run: RunLook;
  columns: Record<string, Cell[]>;
}

/** Lines: of one run each class its colour; of several each run its colour, and each class its dashes. */
function series(drawn: readonly Drawn[], x: string, y: string, by?: string): Series[] {
  const found: Series[] = [];
  for (const { run, columns } of drawn) {
    const groups = new Map<string, [number, number][]>();
    columns[x]?.forEach((at, place) => {
      const value = columns[y]?.[place];
      const name = by && columns[by] ? String(columns[by][place] ?? "") : "";
      const points = groups.get(name) ?? [];
      groups.set(name, points);
      if (typeof at === "number" && typeof value === "number") points.push([at, value]);
    });
    const isAlone = drawn.length === 1;
    [...groups].forEach(([name, points], place) => {
      const isOne = groups.size === 1;
      found.push({
        name: isAlone ? name || run.name : [run.name, name].filter(Boolean).join(" · "),
        color: isAlone && !isOne ? colorAt(place) : run.color,
        dash: isOne ? run.dash.join(" ") : (DASHES[(isAlone ? Math.floor(place / 10) : place) % DASHES.length] ?? ""),
        points,
      });
    });
  }
  return found;
}

function bars(drawn: readonly Drawn[]): { name: string; value: number; color: string }[] {
  return drawn.flatMap(({ run, columns }) =>
    (columns["label"] ?? []).flatMap((label, place) => {
      const value = columns["value"]?.[place];
      const name = drawn.length > 1 ? `${label} · ${run.name}` : String(label ?? "");
      return typeof value === "number" ? [{ name, value, color: run.color }] : [];
    }),
  );
}

function histogram(drawn: readonly Drawn[]) {
  const numbers = drawn.map(({ columns }) => (columns["value"] ?? []).filter((value) => typeof value === "number"));
  const { edges, counts } = binned(numbers, BINS);
  return { edges, sets: drawn.map(({ run }, place) => ({ name: run.name, color: run.color, counts: counts[place] ?? [] })) };
}

function matrix(columns: Record<string, Cell[]>): { classes: string[]; counts: number[][] } {
  const actual = (columns["Actual"] ?? []).map(String);
  const predicted = (columns["Predicted"] ?? []).map(String);
  const classes = [...new Set([...actual, ...predicted])];
  const counts = classes.map(() => classes.map(() => 0));
  actual.forEach((name, place) => {
    const row = counts[classes.indexOf(name)];
    const column = classes.indexOf(predicted[place] ?? "");
    const count = columns["nPredictions"]?.[place];
    if (row && typeof count === "number") row[column] = (row[column] ?? 0) + count;
  });
  return { classes, counts };
}
