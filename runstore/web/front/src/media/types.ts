/** What the server says of media; the names are those of routes/media.py and routes/tables.py. */

export type Kind = "images" | "audio" | "video" | "html" | "object3d" | "molecule" | "plotly" | "histogram" | "table" | "chart" | "list" | "other";

/** A key that holds media in some of the runs. */
export interface MediaKey {
  key: string;
  kind: Kind;
  /** Places in `Keys.runs`. */
  runs: number[];
}

export interface MediaRun {
  ref: string;
  name: string;
}

export interface Keys {
  runs: MediaRun[];
  keys: MediaKey[];
}

/** One file of a value. `src` is null where it is known not to be on the server's machine. */
export interface Item {
  src: string | null;
  name: string;
  caption: string | null;
  download?: string | null;
  size?: number | null;
}

export interface Mask {
  name: string;
  src: string | null;
  classes: Record<string, string>;
}

export interface Box {
  /** Left, top, right, bottom, as fractions of the picture. */
  at: [number, number, number, number];
  id: number | null;
  caption?: string;
  scores?: Record<string, unknown>;
}

export interface BoxLayer {
  name: string;
  boxes: Box[];
  count: number;
  classes: Record<string, string>;
}

export interface Picture extends Item {
  width: number | null;
  height: number | null;
  masks?: Mask[];
  boxes?: BoxLayer[];
}

export interface Pictures {
  kind: "images";
  items: Picture[];
  count: number;
}

export interface Files {
  kind: "audio" | "video" | "html" | "object3d" | "molecule" | "plotly";
  items: Item[];
  count: number;
}

export interface Histogram {
  kind: "histogram";
  counts: number[];
  /** One more than counts. */
  edges: number[];
}

export interface TableSize {
  kind: "table";
  rows: number | null;
  columns: number | null;
}

export interface List {
  kind: "list";
  views: View[];
  count: number;
}

export interface Other {
  kind: "other";
  type: string;
  items: Item[];
}

export type View = Pictures | Files | Histogram | TableSize | List | Other;

/** What one run has at a step; `step` is null for a value of the summary. */
export type Shown = View & { step: number | null };

/** Values by ref of run. */
export type Values = Record<string, Shown | null>;
