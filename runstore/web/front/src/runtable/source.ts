/** The runs of a project that a table shows: loaded some hundred at a time as they are scrolled to, and kept up to date. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, post } from "../shell/api";
import { type Change, useChanges } from "../shell/changes";
import { isOutOfOrder, sortsOf } from "./order";
import { type Answer, type Row, type Term, type Wrong, rowsOf } from "./rows";
import { MOST_DRAWN, type View } from "./view";

const BLOCK = 200;
/** Rows that are loaded before they are scrolled to. */
const AHEAD = 60;

export interface Runs {
  /** How many runs the project has, and how many fulfil the filter; undefined before the first answer. */
  all: number | undefined;
  found: number | undefined;
  columns: readonly string[];
  /** Rows by their place; those that are not loaded are missing. */
  rows: ReadonlyMap<number, Row>;
  /** Rows of runs that are wanted wherever they are, by ref. */
  also: ReadonlyMap<string, Row>;
  wrong: Wrong | undefined;
  terms: readonly Term[];
  error: string;
  isLoading: boolean;
  /** Values changed since the rows were put in order, and they no longer are. */
  isStale: boolean;
  /** Put the rows in order anew. */
  sortAgain: () => void;
  /** Load the rows from one place to another. */
  need: (first: number, last: number) => void;
}

type State = Omit<Runs, "need" | "sortAgain">;

const NOTHING: State = {
  all: undefined, found: undefined, columns: [], rows: new Map(), also: new Map(), wrong: undefined, terms: [], error: "", isLoading: true, isStale: false,
};

/** What is asked for: another one, and the table begins anew. */
interface Question {
  project: string;
  filter: string;
  sort: string;
  columns: readonly string[] | undefined;
  also: readonly string[];
}

export function useRuns(project: string, view: View, wanted: readonly string[]): Runs {
  const [state, setState] = useState<State>(NOTHING);
  const question: Question = { project, filter: view.filter, sort: view.sort, columns: view.columns, also: wanted };
  const key = JSON.stringify([project, view.filter, view.sort, view.columns]);
  const source = useRef<Source>(undefined);
  source.current ??= new Source(setState);
  const { current } = source;
  useEffect(() => current.begin(question), [key]);
  useEffect(() => current.want(question), [wanted.join(",")]);
  useEffect(() => () => current.end(), []);
  useChanges((change) => current.take(change));
  const need = useCallback((first: number, last: number) => current.need(first, last), []);
  const sortAgain = useCallback(() => current.reload(), []);
  return { ...state, need, sortAgain };
}

/** One table's conversation with the server; answers to an old question are dropped. */
class Source {
  private question: Question | undefined;
  private state = NOTHING;
  private asked = new Set<number>();
  private abort = new AbortController();
  private seen: [number, number] = [0, 0];

  constructor(private readonly show: (state: State) => void) {}

  begin(question: Question): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.question = question;
    this.asked.clear();
    this.update({ isLoading: true });
    void this.load(0, { fresh: true });
  }

  /** Make sure that the rows of certain runs are there, wherever they are in the table. */
  want(question: Question): void {
    this.question = question;
    const known = new Map([...this.state.rows.values()].map((row) => [row.ref, row]));
    const also = new Map(this.state.also);
    for (const ref of question.also) {
      const row = known.get(ref);
      if (row) also.set(ref, row);
    }
    if (also.size > this.state.also.size) this.update({ also });
    const missing = question.also.filter((ref) => !also.has(ref));
    if (missing.length && this.state.all !== undefined) void this.refresh(missing);
  }

  need(first: number, last: number): void {
    this.seen = [first, last];
    const end = Math.min(last + AHEAD, (this.state.found ?? 0) - 1);
    for (let block = Math.floor(Math.max(0, first - AHEAD) / BLOCK); block * BLOCK <= end; block++) {
      if (!this.asked.has(block)) void this.load(block, {});
    }
  }

  take(change: Change): void {
    if (!this.question) return;
    if (change.everything || (change.listed && this.concernsList(change))) return this.reload();
    const shown = [...this.state.rows.values()].map((row) => row.ref);
    const changed = [...new Set([...shown, ...this.state.also.keys()])].filter((ref) => change.runs.has(ref));
    if (changed.length) void this.refresh(changed);
  }

  /** Load what is in view anew, and the first runs, which are drawn; the rest when it is scrolled to. */
  reload(): void {
    const [first, last] = this.seen;
    const blocks = [...this.asked].filter((block) => block * BLOCK <= last && (block + 1) * BLOCK > first);
    this.asked = new Set([0, ...blocks]);
    this.update({ rows: new Map(this.keptRows()) });
    for (const block of this.asked) void this.load(block, {});
  }

  end(): void {
    this.abort.abort();
  }

  /** Whether runs of this project came or went; of those that went only their number is known. */
  private concernsList(change: Change): boolean {
    const own = [...change.runs].filter((ref) => ref.startsWith(`${this.question?.project}/`));
    return own.length > 0 || change.runs.size === 0;
  }

  private async load(block: number, { fresh = false }): Promise<void> {
    this.asked.add(block);
    const answer = await this.ask({ offset: block * BLOCK, limit: BLOCK });
    if (!answer) return;
    const rows = new Map(fresh ? [] : answer.found === this.state.found ? this.state.rows : this.keptRows());
    if (answer.rows) rowsOf(answer.rows).forEach((row, place) => rows.set(block * BLOCK + place, row));
    const also = new Map([...this.state.also, ...rowsOf(answer.also).map((row) => [row.ref, row] as const)]);
    const known = answer.wrong ? {} : { found: answer.found, rows, isStale: this.isStale(rows, answer.columns) };
    this.update({ ...known, all: answer.all, columns: answer.columns, also, wrong: answer.wrong, terms: answer.terms ?? [], isLoading: false, error: "" });
  }

  /** Rows to keep where others came, until new ones are there: those that are seen, and the first, which are drawn. */
  private keptRows(): [number, Row][] {
    const [first, last] = this.seen;
    return [...this.state.rows].filter(([place]) => place < (this.state.found ?? 0) && (place < MOST_DRAWN || (place >= first && place <= last)));
  }

  private isStale(rows: ReadonlyMap<number, Row>, columns: readonly string[]): boolean {
    return isOutOfOrder(rows, columns, this.question?.sort ?? "");
  }

  /** Ask for the rows of certain runs, and put them where they are shown. */
  private async refresh(refs: readonly string[]): Promise<void> {
    const answer = await this.ask({ limit: 0, also: refs });
    if (!answer) return;
    const fresh = new Map(rowsOf(answer.also).map((row) => [row.ref, row]));
    const rows = new Map([...this.state.rows].map(([place, row]) => [place, fresh.get(row.ref) ?? row]));
    const isStale = this.isStale(rows, this.state.columns);
    this.update({ rows, also: new Map([...this.state.also, ...fresh]), all: answer.all, isStale, error: "" });
  }

  private async ask(more: Record<string, unknown>): Promise<Answer | undefined> {
    const { signal } = this.abort;
    const { question } = this;
    if (!question) return undefined;
    const columns = question.columns ?? (this.state.columns.length ? this.state.columns : undefined);
    const { project, filter, sort, also } = question;
    try {
      const answer = await post<Answer>("runs", { project, filter, sort: sortsOf(sort), columns, also, ...more }, signal);
      return signal.aborted ? undefined : answer;
    } catch (problem) {
      if (!signal.aborted) this.update({ error: (problem as ApiError).message, isLoading: false });
      return undefined;
    }
  }

  private update(changes: Partial<State>): void {
    this.state = { ...this.state, ...changes };
    this.show(this.state);
  }
}
