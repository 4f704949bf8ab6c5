/** States of a log at a target, as people read them. */
import { many } from "../parts/words";
import type { AtTarget, SourceFacts } from "./types";

export type Mood = "good" | "warn" | "bad" | "accent" | "";

/** State -> what is said, how it looks, and what it means. docs/daemon.md explains them. */
const STATES: Record<string, [text: string, mood: Mood, means: string]> = {
  delivered: ["delivered", "good", "The target holds all of it; digests were compared."],
  ahead: ["delivered", "warn", "The target holds more than is here: the source lost bytes, they are safe there."],
  acknowledged: ["acknowledged", "accent", "The target took all of it; it is not proven yet."],
  "waiting for a receipt": ["receipt awaited", "accent", "It is in a bundle; the receipt that proves its arrival has not come back yet."],
  "written one way": ["written one way", "warn", "It is in a bundle of which no receipt comes back: nobody knows whether it has arrived."],
  files: ["files left", "accent", "The records are there; files beside them are not yet."],
  sending: ["sending", "accent", "It is on its way now."],
  queued: ["queued", "", "It comes next."],
  waiting: ["waiting", "", "The daemon will deliver it; where none runs: runstore daemon start."],
  unwatched: ["not watched", "warn", "No daemon looks at its folder: runstore sync delivers it, runstore daemon roots adds the folder."],
  retrying: ["retrying", "warn", "The last attempt failed; it is tried again."],
  held: ["held", "warn", "It waits until somebody decides: runstore status RUN tells more."],
  failed: ["failed", "bad", "The last attempt failed."],
};

export function stateOf(state: string): { text: string; mood: Mood; means: string } {
  const [text, mood, means] = STATES[state] ?? [state, "", ""];
  return { text, mood, means };
}

/** How all runs are, in a word or two. Where nothing is delivered, a log waits for the index alone. */
export function overall(facts: SourceFacts): { text: string; mood: Mood } {
  const unread = Object.keys(facts.errors).length;
  const waiting = facts.totals.logs - facts.totals.logs_settled;
  if (facts.is_settled) return { text: facts.targets.length ? "nothing waits" : "all is indexed", mood: "good" };
  if (waiting > 0) {
    const what = facts.targets.length ? many(waiting, "log waits", "logs wait") : `${many(waiting, "log")} not all read yet`;
    return { text: what, mood: "accent" };
  }
  if (unread) return { text: `${many(unread, "file")} can’t be read`, mood: "bad" };
  return { text: "something that came waits", mood: "accent" };
}

/** What stands in the place of runs where none is listed. */
export function noRuns(facts: SourceFacts, text: string, every: boolean): string {
  if (!facts.totals.runs) return "There are no runs.";
  if (text && every) return "No run has such a path.";
  if (text && !facts.is_settled) return "No run that waits has such a path.";
  const all = many(facts.totals.runs, "run");
  if (!facts.targets.length) return `${all}, and the index has read all of ${facts.totals.runs === 1 ? "it" : "them"}.`;
  const oneWay = facts.targets.reduce((sum, target) => sum + (target.logs_one_way ?? 0), 0);
  const unproven = oneWay ? ` Of ${many(oneWay, "log")}, written one way, nobody knows whether they arrived.` : "";
  return `Nothing waits: ${all}, indexed and delivered to where they go.${unproven}`;
}

/** How much of a run a target holds, from 0 to 1; 1 only where it holds all. */
export function share(at: AtTarget, durable: number): number {
  if (at.state === "delivered" || at.state === "ahead") return 1;
  return durable ? Math.min(0.99, at.delivered_bytes / durable) : 0;
}
