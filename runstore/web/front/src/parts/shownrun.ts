/** A run as charts, legends and comparisons know it. */
import { store } from "../shell/store";

export interface ShownRun {
  ref: string;
  name: string;
  /** running, finished, failed, crashed, preempting or preempted. */
  state: string;
  /** When it was begun, seconds since the epoch. */
  created: number;
}

/** The run whose page is open: what it is called, once that is known. */
export const openRun = store({ ref: "", name: "" });

/** The ref of the run under the pointer, in the table or in a chart, which both point out; "" for none. */
export const hovered = store("");
