/** Media answered from the data in the file, as routes/media.py, histograms.py and tables.py do: of the steps that are in it. */
import type { Cell } from "../media/cell";
import type { Heat } from "../media/histogram";
import type { ChartAnswer } from "../media/presets/presets";
import { placeOf } from "../media/steps";
import type { Page } from "../media/table";
import type { Keys, Shown, Values } from "../media/types";
import { ApiError } from "../shell/refusal";
import { exported, type ExportedTable } from "./data";
import { type Asked as Wanted, begun, pageOf } from "./rows";

type Asked = Record<string, unknown>;

export function keysOf(): Keys {
  return exported.media?.keys ?? { runs: [], keys: [] };
}

export function stepsOf({ key, refs }: Asked): { steps: Record<string, number[]> } {
  return { steps: Object.fromEntries(named(refs).map((ref) => [ref, distances(stepsAt(String(key), ref))])) };
}

/** Histograms are here for the steps of their heat map, tables and charts for the last step, whatever the step is. */
export function valuesOf({ key, refs, step }: Asked): { values: Values } {
  return { values: Object.fromEntries(named(refs).map((ref) => [ref, valueAt(String(key), ref, step as number | null)])) };
}

export function heatOf({ key, refs }: Asked): { maps: Record<string, Heat | null> } {
  return { maps: Object.fromEntries(named(refs).map((ref) => [ref, exported.media?.heat[String(key)]?.[ref] ?? null])) };
}

export function chartOf({ key }: Asked): ChartAnswer {
  const found = exported.media?.charts[String(key)];
  if (!found) throw new ApiError(404, `this file has no chart ${key}`);
  return found;
}

export function tableOf(asked: Asked): Page {
  return pageOf(tableAt(asked), asked as unknown as Wanted);
}

export function cellOf(asked: Asked): Cell {
  const table = tableAt(asked);
  const column = table.columns.findIndex(({ name }) => name === asked["column"]);
  return begun(table.rows[Number(asked["row"])]?.[column] ?? null);
}

function tableAt({ ref, key, place }: Asked): Exclude<ExportedTable, { error: string }> {
  const found = exported.media?.tables[String(key)]?.[String(ref)]?.[String(place ?? null)];
  if (!found || "error" in found) throw new ApiError(404, found?.error ?? `this file has no table ${key}`);
  return found;
}

function stepsAt(key: string, ref: string): number[] {
  const heat = exported.media?.heat[key]?.[ref];
  return heat ? heat.steps : valuesAt(key, ref).flatMap(({ step }) => step ?? []);
}

function valueAt(key: string, ref: string, step: number | null): Shown | null {
  const values = valuesAt(key, ref);
  const last = values.at(-1) ?? null;
  const heat = exported.media?.heat[key]?.[ref];
  if (step === null) return last;
  if (!heat) return values.length > 1 ? (values[placeOf(stepsAt(key, ref), step)] ?? null) : last;
  const place = placeOf(heat.steps, step);
  if (heat.steps[place] === last?.step) return last;
  return place < 0 ? null : barsAt(heat, place);
}

/** All values of a key that are here, in order; the one without a step is of a summary, and alone. */
function valuesAt(key: string, ref: string): Shown[] {
  const last = exported.media?.values[key]?.[ref];
  return [...(exported.media?.earlier[key]?.[ref] ?? []), ...(last ? [last] : [])];
}

/** One histogram of a heat map, by whose bins it is told. */
export function barsAt({ steps, low, high, most, shares }: Heat, place: number): Shown {
  const counts = (shares[place] ?? []).map((share) => (share * most) / 1000);
  const edges = Array.from({ length: counts.length + 1 }, (_, edge) => low + ((high - low) * edge) / counts.length);
  return { kind: "histogram", step: steps[place] ?? null, counts, edges };
}

function named(refs: unknown): string[] {
  return Array.isArray(refs) ? refs.map(String) : [];
}

function distances(steps: readonly number[]): number[] {
  return steps.map((step, place) => step - (steps[place - 1] ?? 0));
}
