/** What a component shows of the server: asked for when it appears, anew when `deps` change or `again` is called. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api";
import { connection } from "./changes";

export interface Loaded<T> {
  /** The last answer; it stays while the next one is on its way, and when the server is gone. */
  data: T | undefined;
  /** The last refusal, "" after an answer. */
  error: string;
  /** Whether an answer is awaited. */
  isLoading: boolean;
  /** Ask anew. */
  again: () => void;
}

export function useLoad<T>(ask: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error: string; isLoading: boolean }>({ error: "", isLoading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => (old.isLoading ? old : { ...old, isLoading: true }));
    latest.current(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ data, error: "", isLoading: false }),
      (problem: Error) => {
        if (abort.signal.aborted) return;
        if (problem instanceof ApiError && !problem.status) connection.set("gone");
        setState((old) => ({ ...old, error: problem.message, isLoading: false }));
      },
    );
    return () => abort.abort();
  }, [...deps, turn]);
  const again = useCallback(() => setTurn((old) => old + 1), []);
  return { data: state.data, error: state.error, isLoading: state.isLoading, again };
}
