/** One run, kept up to date: what hardly changes is sent once. */
import { useRef } from "preact/hooks";
import { get } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { type Loaded, useLoad } from "../shell/load";
import type { Answer, Run } from "./types";

export function useRun(ref: string): Loaded<Run> {
  const last = useRef<Run | undefined>(undefined);
  const loaded = useLoad(async (signal) => {
    const known = last.current?.ref === ref ? last.current : undefined;
    const answer = await get<Answer>("run", { ref, have: known?.digest }, signal);
    const still = answer.still ?? known?.still;
    if (!still) throw new Error("the server left out what it never sent; load the page anew");
    last.current = { ...answer, still };
    return last.current;
  }, [ref]);
  useChanges((change) => {
    if (concerns(change, [ref])) loaded.again();
  });
  return loaded;
}
