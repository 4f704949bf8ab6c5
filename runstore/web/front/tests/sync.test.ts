import { expect, test } from "vitest";
import { sentences } from "../src/sync/mirrors";
import { noRuns, overall, share, stateOf } from "../src/sync/states";
import type { AtTarget, Facts, Mirror, SourceFacts } from "../src/sync/types";
import { next } from "../src/sync/watch";

const at = (state: string, delivered: number): AtTarget => ({
  name: "lab", state, delivered_bytes: delivered, delivered_records: 0, verified_at: null, files_delivered: 0, files_left: 0, lost_bytes: 0, error: "", retry_at: null, bundle: null,
});

/** Two runs of which `settled` wait for nothing. */
const facts = (settled: number, targets: { logs_one_way?: number }[] = [], errors = {}): SourceFacts =>
  ({ is_settled: settled === 2 && !Object.keys(errors).length, totals: { runs: 2, logs: 2, logs_settled: settled }, targets, errors, mirrors: [] }) as unknown as SourceFacts;

test("only what is proven counts as all", () => {
  expect(share(at("delivered", 100), 100)).toBe(1);
  expect(share(at("sending", 100), 100)).toBe(0.99);
  expect(share(at("waiting", 50), 100)).toBe(0.5);
  expect(share(at("waiting", 0), 0)).toBe(0);
});

test("a state that is not known is shown as it is", () => {
  expect(stateOf("failed").mood).toBe("bad");
  expect(stateOf("pondering")).toEqual({ text: "pondering", mood: "", means: "" });
});

test("an answer of only a digest says that the last one holds", () => {
  const last = { kind: "hub", digest: "a" } as Facts;
  expect(next(last, { digest: "a" })).toBe(last);
  expect(next(last, { kind: "hub", digest: "b" } as Facts)).toEqual({ kind: "hub", digest: "b" });
});

test("where nothing is delivered nothing waits for that", () => {
  expect(overall(facts(2)).text).toBe("all is indexed");
  expect(overall(facts(1)).text).toBe("1 log not all read yet");
  expect(overall(facts(2, [{}])).text).toBe("nothing waits");
  expect(overall(facts(1, [{}])).text).toBe("1 log waits");
  expect(overall(facts(0, [{}])).text).toBe("2 logs wait");
  expect(overall(facts(2, [], { "a.wandb": "a.wandb: no run log" }))).toEqual({ text: "1 file can’t be read", mood: "bad" });
  expect(overall({ ...facts(2, [{}]), is_settled: false }).text).toBe("something that came waits");
});

test("why no run is listed is said as it is", () => {
  expect(noRuns({ ...facts(0), totals: { runs: 0 } } as SourceFacts, "", false)).toBe("There are no runs.");
  expect(noRuns(facts(2), "", false)).toBe("2 runs, and the index has read all of them.");
  expect(noRuns(facts(2, [{}]), "", false)).toBe("Nothing waits: 2 runs, indexed and delivered to where they go.");
  expect(noRuns(facts(2, [{ logs_one_way: 1 }]), "", false)).toContain("Of 1 log, written one way, nobody knows");
  expect(noRuns(facts(1, [{}]), "x", false)).toBe("No run that waits has such a path.");
  expect(noRuns(facts(2, [{}]), "x", true)).toBe("No run has such a path.");
});

test("what is wrong with a folder of bundles is said once", () => {
  const mirror = { last_error: "not mounted", retry_in: 9.6, refused: { "b1.rsb": "b1.rsb: no signature", b2: "torn" }, waiting: { "p/r": "part 2" } };
  expect(sentences(mirror as unknown as Mirror)).toEqual(["not mounted (tried again in 10 seconds)", "b1.rsb: no signature", "b2: torn", "p/r waits for part 2"]);
});
