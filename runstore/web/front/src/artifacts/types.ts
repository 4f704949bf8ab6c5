/** What the API says of artifacts; times are in seconds since the epoch, sizes in bytes. */
import type { Automatic } from "./automatic";

export interface Version {
  ref: string;
  name: string;
  number: number;
  aliases: string[];
  type: string;
  files: number | null;
  size: number | null;
  digest: string;
  created_at: number;
  linked: boolean;
  /** Ref of the run that logged it first. */
  run: string;
  run_name: string;
  /** Whether a tool made it by itself, as logging a table does. */
  automatic: boolean;
}

/** A collection, by its newest version. */
export interface Collection extends Version {
  versions: number;
  /** Ref of its project. */
  project: string;
  path: string;
}

export interface Collections extends Automatic {
  collections: Collection[];
}

export interface Named {
  name: string;
  ref: string;
}

export interface Facts extends Version {
  description: string;
  metadata: Record<string, unknown>;
  tags: string[];
  updated_at: string;
  ttl_seconds: number | null;
  logged_as: string;
  linked_to: Named[];
  /** `name` is what the run is called. */
  used_by: (Named & { path: string })[];
}

export interface ArtifactFile {
  path: string;
  size: number;
  digest: string;
  /** Where a reference leads; "" for a file. */
  ref: string;
  /** here, lost (not on this machine) or reference. */
  state: string;
  /** Address to download it from; "" where there is none. */
  address?: string;
}

export interface Files {
  /** Why it can't be said what is in the version; "" else. */
  missing: string;
  folders: { name: string; files: number; size: number }[];
  files: ArtifactFile[];
  matching: number;
  total: number;
  size: number;
}

export interface Changed {
  name: string;
  how: "added" | "removed" | "changed";
  before: unknown;
  after: unknown;
}

export interface Difference {
  missing: string;
  metadata: Changed[];
  files: Changed[];
  changed_files?: number;
  same_files?: number;
}

export interface GraphNode {
  kind: "run" | "artifact";
  name: string;
  path: string;
  /** Of a version its type, of a run its job type. */
  type: string;
  /** "" where its own log is not here. */
  ref: string;
}

export interface Graph extends Automatic {
  /** The start first. */
  nodes: GraphNode[];
  /** Source, target (places in `nodes`), and how: logged or used. */
  edges: [number, number, string][];
  left_out: number;
}
