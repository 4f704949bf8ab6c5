/** Colours of classes in masks and boxes, the same class the same colour everywhere. */

const COLORS: readonly [number, number, number][] = [
  [230, 75, 53], [58, 122, 196], [30, 160, 100], [240, 170, 30], [150, 80, 190], [0, 170, 190],
  [220, 110, 170], [130, 170, 40], [140, 95, 60], [100, 110, 230], [200, 60, 110], [90, 150, 140],
];

/** Red, green, blue from 0 to 255. */
export function classRgb(id: number): readonly [number, number, number] {
  return COLORS[((id % COLORS.length) + COLORS.length) % COLORS.length] ?? [128, 128, 128];
}

export function classColor(id: number | null): string {
  return id === null ? "#888888" : `rgb(${classRgb(id).join(" ")})`;
}

/** What is hidden: `layer` for a whole one, `layer\nclass` for one class of it. */
export type Hidden = ReadonlySet<string>;

export function isHidden(hidden: Hidden, layer: string, id: number | null): boolean {
  return hidden.has(layer) || hidden.has(classPlace(layer, id));
}

export function classPlace(layer: string, id: number | null): string {
  return `${layer}\n${id ?? ""}`;
}

/** The name of a class; its number where nobody named it. */
export function className(names: Record<string, string>, id: number | null): string {
  return id === null ? "" : (names[String(id)] ?? `class ${id}`);
}
