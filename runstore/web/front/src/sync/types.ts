/** What the API says of deliveries, as `runstore status --json` does. */

export interface Amounts {
  durable_bytes: number;
  /** Null: more than a moment allows to count. */
  durable_records: number | null;
  indexed_bytes: number;
  indexed_records: number;
}

export interface AtTarget {
  name: string;
  state: string;
  delivered_bytes: number;
  delivered_records: number;
  verified_at: string | null;
  files_delivered: number;
  /** -1: nobody has looked yet. */
  files_left: number;
  lost_bytes: number;
  error: string;
  retry_at: string | null;
  /** The bundle that it was written in, where no receipt of that has come. */
  bundle: string | null;
}

export interface RunStanding extends Amounts {
  run: string;
  /** "" where nobody knows what run its logs are. */
  ref: string;
  is_settled: boolean;
  error: string;
  targets: AtTarget[];
}

export interface Target {
  name: string;
  state: string | null;
  logs: number;
  logs_delivered: number;
  logs_failed: number;
  /** Written to bundles of which no receipt comes back. */
  logs_one_way?: number;
  delivered_bytes: number;
  delivered_records: number;
  files_delivered: number;
  files_left: number;
  lost_bytes: number;
  last_error: string;
  retry_in: number | null;
}

/** A folder in which bundles come from elsewhere. */
export interface Mirror {
  folder: string;
  into: string;
  state: string | null;
  last_error: string;
  retry_in: number | null;
  bundles: number;
  new_bytes: number;
  new_files: number;
  last_at: string | null;
  /** Bundle or run, and why it is not taken in. */
  refused: Record<string, string>;
  waiting: Record<string, string>;
}

export interface SourceFacts {
  kind: "source";
  digest: string;
  is_settled: boolean;
  daemon: { pid: number | null; started_at: string | null; watching: string[]; note: string };
  totals: Amounts & { runs: number; logs: number; logs_settled: number };
  targets: Target[];
  mirrors: Mirror[];
  runs: RunStanding[];
  matching: number;
  errors: Record<string, string>;
}

export interface HubFacts {
  kind: "hub";
  digest: string;
  projects: number;
  runs: number;
  logs: number;
  bytes: number;
  records: number;
  lost_bytes: number;
  latest: number;
}

export type Facts = SourceFacts | HubFacts;
