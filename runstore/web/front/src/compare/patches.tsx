/** How the uncommitted changes of a run differ from the baseline's. */
import { useState } from "preact/hooks";
import { post } from "../shell/api";
import { useLoad } from "../shell/load";
import { many } from "../parts/words";
import { Diff } from "../run/diff";
import type { RunName } from "../run/types";
import type { Comparison } from "./types";
import { isSame, valueOf } from "./values";

export function PatchDifferences({ comparison, base }: { comparison: Comparison; base: number }) {
  const row = comparison.rows.find((one) => one.section === "diff" && one.key === "sha256" && !one.same);
  const baseline = comparison.runs[base];
  if (!row || !baseline) return null;
  const others = comparison.runs.filter((_, place) => place !== base && !isSame(valueOf(row, place), valueOf(row, base)));
  return (
    <>
      <h2 class="section">Changes that were not committed, beside those of {baseline.name}</h2>
      {others.map((other) => <One key={`${baseline.ref} ${other.ref}`} baseline={baseline} other={other} begin={others.length === 1} />)}
    </>
  );
}

function One({ baseline, other, begin }: { baseline: RunName; other: RunName; begin: boolean }) {
  const [isOpen, setOpen] = useState(begin);
  const { data, error } = useLoad(async (signal) => (isOpen ? post<{ lines: string[]; total: number }>("compare/patch", { refs: [baseline.ref, other.ref] }, signal) : undefined), [isOpen, baseline.ref, other.ref]);
  return (
    <section>
      <p><button type="button" class="press" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}><span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {other.name}</button></p>
      {isOpen && error && <p class="error" role="alert">{error}</p>}
      {isOpen && data && <Diff text={data.lines.join("\n")} />}
      {isOpen && data && data.total > data.lines.length && <p class="quiet">The first {data.lines.length.toLocaleString("en")} of {many(data.total, "line")}.</p>}
    </section>
  );
}
