/** What a point cloud's file holds: points, boxes and vectors, read from JSON that anybody may have written. */

export interface Scene {
  /** x, y, z of each point. */
  positions: Float32Array;
  /** Red, green, blue of each, from 0 to 1. */
  colors: Float32Array;
  /** How many points there are; more than `positions` has where there are too many. */
  count: number;
  boxes: SolidBox[];
  /** Start and end of each vector. */
  vectors: [Point, Point][];
}

export type Point = [number, number, number];

export interface SolidBox {
  /** Eight of them. */
  corners: Point[];
  color: Point;
  label: string;
}

/** More points than that are drawn no better, and slower. */
export const MOST_POINTS = 500_000;
const MOST_BOXES = 2_000;

/** Colours of categories from 1 to 14. */
const CATEGORIES: readonly Point[] = [
  [0.9, 0.3, 0.2], [0.25, 0.55, 0.85], [0.2, 0.7, 0.45], [0.95, 0.7, 0.15], [0.65, 0.4, 0.8], [0.1, 0.75, 0.8], [0.9, 0.5, 0.7],
  [0.6, 0.75, 0.2], [0.65, 0.45, 0.3], [0.5, 0.55, 0.95], [0.85, 0.3, 0.5], [0.45, 0.7, 0.65], [0.8, 0.8, 0.4], [0.7, 0.7, 0.7],
];
const PLAIN: Point = [0.45, 0.7, 1];

/** The scene in a file's JSON; undefined for what is none. */
export function sceneOf(said: unknown): Scene | undefined {
  const whole = Array.isArray(said) ? { points: said } : isRecord(said) ? said : undefined;
  if (!whole) return undefined;
  const points = Array.isArray(whole["points"]) ? whole["points"] : [];
  return {
    ...pointsOf(points),
    boxes: (Array.isArray(whole["boxes"]) ? whole["boxes"].slice(0, MOST_BOXES) : []).flatMap(boxOf),
    vectors: (Array.isArray(whole["vectors"]) ? whole["vectors"].slice(0, MOST_BOXES) : []).flatMap(vectorOf),
  };
}

function pointsOf(points: readonly unknown[]): Pick<Scene, "positions" | "colors" | "count"> {
  const stride = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  const most = Math.ceil(points.length / stride);
  const positions = new Float32Array(most * 3);
  const colors = new Float32Array(most * 3);
  let kept = 0;
  for (let place = 0; place < points.length; place += stride) {
    const row = points[place];
    if (!Array.isArray(row) || row.length < 3 || !row.slice(0, 3).every(Number.isFinite)) continue;
    positions.set(row.slice(0, 3) as number[], kept * 3);
    colors.set(colorOf(row), kept * 3);
    kept += 1;
  }
  return { positions: positions.subarray(0, kept * 3), colors: colors.subarray(0, kept * 3), count: points.length };
}

/** Of rows of six the last three are a colour from 0 to 255; of four the last is a category. */
function colorOf(row: readonly unknown[]): Point {
  if (row.length >= 6) return [Number(row[3]) / 255, Number(row[4]) / 255, Number(row[5]) / 255];
  if (row.length === 4) return CATEGORIES[(Math.max(1, Math.round(Number(row[3]) || 1)) - 1) % CATEGORIES.length] ?? PLAIN;
  return PLAIN;
}

function boxOf(said: unknown): SolidBox[] {
  if (!isRecord(said) || !Array.isArray(said["corners"])) return [];
  const corners = said["corners"].flatMap(pointOf);
  if (corners.length !== 8) return [];
  const color = pointOf(said["color"])[0] ?? [255, 255, 255];
  const scale = Math.max(...color) > 1 ? 255 : 1;
  return [{ corners, color: [color[0] / scale, color[1] / scale, color[2] / scale], label: typeof said["label"] === "string" ? said["label"] : "" }];
}

function vectorOf(said: unknown): [Point, Point][] {
  if (!isRecord(said)) return [];
  const start = pointOf(said["start"])[0];
  const end = pointOf(said["end"])[0];
  return start && end ? [[start, end]] : [];
}

function pointOf(said: unknown): Point[] {
  return Array.isArray(said) && said.length >= 3 && said.slice(0, 3).every(Number.isFinite) ? [said.slice(0, 3) as Point] : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The twelve edges of a box, as places of its corners. */
export function edgesOf(corners: readonly Point[]): [number, number][] {
  const counted: [number, number][] = [];
  for (let one = 0; one < 8; one++) for (let bit = 1; bit < 8; bit <<= 1) if (!(one & bit)) counted.push([one, one | bit]);
  return isCounted(corners, counted) ? counted : RING;
}

/** Corners in rings, bottom then top, which some tools write. */
const RING: [number, number][] = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];

/** Whether corners are counted in binary: then the four edges of each of three directions are the same vector. */
function isCounted(corners: readonly Point[], edges: readonly [number, number][]): boolean {
  const known = new Map<number, Point>();
  return edges.every(([one, other]) => {
    const [from, to] = [corners[one], corners[other]];
    if (!from || !to) return false;
    const edge: Point = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
    const first = known.get(other - one) ?? edge;
    known.set(other - one, first);
    const near = 1e-5 * Math.max(...first.map(Math.abs), 1e-12);
    return edge.every((part, axis) => Math.abs(part - (first[axis] ?? 0)) <= near);
  });
}
