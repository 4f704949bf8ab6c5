/** Which runs are drawn: the pinned ones, and the first of the table, but for those that were switched on or off. */
import { idOf, MOST_DRAWN, type View, toggled } from "./view";

/** Refs of the runs that are drawn, the pinned ones first, then as the table has them. */
export function drawnRefs(view: View, project: string, inTable: readonly string[]): string[] {
  const off = new Set(view.off);
  const chosen = [
    ...view.pinned.map((id) => `${project}/${id}`),
    ...inTable.slice(0, view.top),
    ...view.on.map((id) => `${project}/${id}`),
  ];
  const drawn = new Set(chosen.filter((ref) => !off.has(idOf(ref))));
  return [...drawn].slice(0, MOST_DRAWN);
}

/** The view with one run switched on, or off. */
export function switched(view: View, ref: string, isFirst: boolean): Partial<View> {
  const id = idOf(ref);
  if (isFirst || view.pinned.includes(id)) return { off: toggled(view.off, id), on: view.on.filter((one) => one !== id) };
  return { on: toggled(view.on, id), off: view.off.filter((one) => one !== id) };
}
