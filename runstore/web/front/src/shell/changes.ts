/**
 * The one polling loop: asks what changed since the last answer, and tells those who listen.
 *
 * Every 2 s while runs are changing, every 5 s while some are running, every 15 s else; not while the page is hidden.
 * After the first answer once more soon: the server may have been resting, and have shown what was there before that.
 * An answer without changes is some 60 bytes.
 */
import { useEffect, useRef } from "preact/hooks";
import { ApiError, get } from "./api";
import { store } from "./store";

interface Answer {
  cursor: string;
  /** Refs of runs that are new or have changed. */
  runs: string[];
  /** Runs came or went: lists of runs are to be asked for anew. */
  listed: boolean;
  /** More changed than can be named, or the server was begun anew. */
  everything: boolean;
  /** How many runs are running. */
  live: number;
  /** Why the newest of what was logged can't be shown, where that is so. */
  trouble?: string;
}

/** What changed since the last time. */
export interface Change {
  /** Refs of runs that are new or have changed. */
  runs: ReadonlySet<string>;
  /** Runs came or went. */
  listed: boolean;
  /** Anything may have changed. */
  everything: boolean;
}

/** "gone": nobody answers; what was shown last stays. "refused": the token is missing or wrong. */
export type Connection = "good" | "gone" | "refused";

export const connection = store<Connection>("good");
export const liveRuns = store(0);
/** Why the newest of what was logged can't be shown; "" where it is. */
export const trouble = store("");

const BUSY_MS = 2_000;
const LIVE_MS = 5_000;
const IDLE_MS = 15_000;
const SECOND_LOOK_MS = 3_000; // the server's rest is 2 s, unless its looks take long
const STAYS_BUSY_MS = 20_000;

const listeners = new Set<(change: Change) => void>();
let cursor = "";
let timer: ReturnType<typeof setTimeout> | undefined;
let changedAt = 0;
let asking = false;
let answers = 0;

/** How long to wait for the next look; `answered` is how many answers there were. */
export function pauseMs(now: number, lastChangeAt: number, live: number, isGood: boolean, answered = 2): number {
  if (!isGood) return LIVE_MS;
  if (answered === 1) return SECOND_LOOK_MS;
  if (live && now - lastChangeAt < STAYS_BUSY_MS) return BUSY_MS;
  return live ? LIVE_MS : IDLE_MS;
}

/** Begin to poll; called once. */
export function beginPolling(): void {
  document.addEventListener("visibilitychange", () => void (document.hidden ? clearTimeout(timer) : look()));
  addEventListener("online", () => void look());
  void look();
}

/** Ask now what changed, as after an edit that this page made. */
export async function look(): Promise<void> {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  try {
    const answer = await get<Answer>("changes", { since: cursor });
    const returned = connection.get() !== "good";
    connection.set("good");
    answers += 1;
    take(answer, returned);
  } catch (error) {
    connection.set(error instanceof ApiError && [401, 403].includes(error.status) ? "refused" : "gone");
  } finally {
    asking = false;
    if (!document.hidden) {
      timer = setTimeout(look, pauseMs(Date.now(), changedAt, liveRuns.get(), connection.get() === "good", answers));
    }
  }
}

function take(answer: Answer, returned: boolean): void {
  const isFirst = !cursor;
  cursor = answer.cursor;
  liveRuns.set(answer.live);
  trouble.set(answer.trouble ?? "");
  const change = { runs: new Set(answer.runs), listed: answer.listed, everything: answer.everything || returned };
  if (isFirst || !(change.runs.size || change.listed || change.everything)) return;
  changedAt = Date.now();
  for (const listener of [...listeners]) listener(change);
}

/** Call `onChange` whenever runs have changed; the newest function given counts. */
export function useChanges(onChange: (change: Change) => void): void {
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    const listener = (change: Change) => latest.current(change);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
}

/** Whether a change concerns one of these runs. */
export function concerns(change: Change, refs: Iterable<string>): boolean {
  if (change.everything) return true;
  for (const ref of refs) if (change.runs.has(ref)) return true;
  return false;
}
