/** What the server says of one run; the names are those of routes/run.py. */

/** JSON, with NaN and the infinities by name. */
export type Value = null | boolean | number | string | Value[] | Tree;
export interface Tree {
  [key: string]: Value;
}

export interface RunName {
  ref: string;
  id: string;
  name: string;
  state: string;
  created_at: number;
}

export interface LogFacts {
  path: string;
  kind: string;
  started_at: number;
  starting_step: number;
  last_step: number;
  rows: number;
  size: number;
  lost_bytes: number;
  undecodable: number;
  missing: number;
  branch_run: string;
  branch_step: number;
}

export interface Alert {
  time: number;
  title: string;
  text: string;
  level: string;
}

/** What hardly changes while a run is going on. */
export interface Still {
  host: string;
  program: string;
  writer: string;
  git_commit: string;
  git_remote: string;
  pid: number;
  entity: string;
  project: string;
  project_ref: string;
  notes: string;
  tags: string[];
  group: string;
  job_type: string;
  sweep: string | null;
  metadata: Tree | null;
  config: Tree;
  alerts: Alert[];
  has_patch: boolean;
}

export interface Answer extends RunName {
  heartbeat_at: number;
  runtime: number;
  exit_code: number | null;
  last_step: number;
  summary: Tree;
  logs: LogFacts[];
  digest: string;
  still: Still | null;
  can_edit: boolean;
}

export interface Run extends Answer {
  still: Still;
}

/** What each tab of the run's page is given. */
export interface TabProps {
  run: Run;
  /** To be called when something of the run was saved. */
  onSaved: () => void;
  query: URLSearchParams;
}
