/** The files of a run, looked at anew while it goes on, but not often: for each look the server walks its folders. */
import { useEffect, useRef } from "preact/hooks";
import { get } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { type Loaded, useLoad } from "../shell/load";
import type { Listing } from "./folders";

interface Answer {
  digest: string;
  /** Null where it is what is known. */
  found: Listing | null;
}

const BETWEEN_MS = 15_000;

export function useListing(ref: string): Loaded<Listing> {
  const known = useRef<{ ref: string; digest: string; found: Listing } | undefined>(undefined);
  const lookedAt = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const loaded = useLoad(async (signal) => {
    const before = known.current?.ref === ref ? known.current : undefined;
    const { digest, found } = await get<Answer>("files", { ref, have: before?.digest }, signal);
    const now = found ?? before?.found;
    if (!now) throw new Error("the server left out what it never sent; load the page anew");
    known.current = { ref, digest, found: now };
    lookedAt.current = Date.now();
    return now;
  }, [ref]);
  useChanges((change) => {
    if (!concerns(change, [ref])) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(loaded.again, Math.max(0, lookedAt.current + BETWEEN_MS - Date.now()));
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return loaded;
}
