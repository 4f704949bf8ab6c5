/** Ask how far runs are, again every few seconds while the page is seen: deliveries change without runs changing. */
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../shell/api";
import type { Facts } from "./types";

const AGAIN_MS = 5_000;

/** The answer that is shown next: an answer that is only a digest says that the last one still holds. */
export function next(last: Facts | undefined, answer: Facts | { digest: string }): Facts | undefined {
  return "kind" in answer ? answer : last;
}

export function useSync(all: string, text: string): { data: Facts | undefined; error: string } {
  const [data, setData] = useState<Facts>();
  const [error, setError] = useState("");
  const known = useRef<Facts | undefined>(undefined);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let since = "";
    const look = async () => {
      clearTimeout(timer);
      if (document.hidden) return;
      try {
        const answer = await get<Facts>("sync", { every: all ? 1 : undefined, text: text || undefined, since: since || undefined }, abort.signal);
        since = answer.digest;
        known.current = next(known.current, answer);
        setData(known.current);
        setError("");
      } catch (problem) {
        if (abort.signal.aborted) return;
        setError((problem as Error).message);
      }
      timer = setTimeout(look, AGAIN_MS);
    };
    document.addEventListener("visibilitychange", look);
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [all, text]);
  return { data, error };
}
