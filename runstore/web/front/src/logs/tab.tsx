/** What a run printed: the lines in view and no others, followed while it runs, searched on the server. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { many } from "../parts/words";
import { get } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { useKeys } from "../shell/keys";
import { useLoad } from "../shell/load";
import { adjust } from "../shell/router";
import type { TabProps } from "../run/types";
import { Blocks } from "./blocks";
import { Chosen } from "./chosen";
import { nextOf, spansOf, useFinding, useFirstFound, type Wanted } from "./finding";
import { type ConsoleLog, layoutOf, rowAt } from "./layout";
import { RowOf } from "./row";
import { type Control, Scroller } from "./scroller";
import { Tools } from "./tools";
import "../style/logs.css";

export default function LogsTab({ run, query }: TabProps) {
  const { ref } = run;
  const { data: logs, error, again } = useLoad((signal) => get<ConsoleLog[]>("console", { ref }, signal), [ref]);
  useChanges((change) => concerns(change, [ref]) && again());
  const layout = useMemo(() => layoutOf(logs ?? []), [logs]);
  const [, setCame] = useState(0);
  const [refused, setRefused] = useState("");
  const blocks = useMemo(() => new Blocks(ref, () => setCame((old) => old + 1), setRefused), [ref]);
  const [follow, setFollow] = useState(run.state === "running" && !query.get("line") && !query.get("find"));
  const [turn, setTurn] = useState(0);
  const control = useRef<Control>(null);

  const wanted: Wanted = { text: query.get("find") ?? "", regex: query.get("regex") === "1", case: query.get("case") === "1" };
  const finding = useFinding(ref, wanted, layout, turn);
  const spans = useMemo(() => spansOf(wanted), [wanted.text, wanted.regex, wanted.case]);
  const hits = useMemo(() => new Set(finding.rows), [finding.rows]);
  const chosen = query.get("line") ? Number(query.get("line")) - 1 : -1;
  const choose = (row: number, replace = true) => {
    setFollow(false);
    adjust({ line: row < 0 ? "" : String(row + 1) }, { replace });
  };
  const show = (row: number | undefined) => {
    if (row === undefined) return;
    choose(row);
    control.current?.show(row);
  };
  useFirstFound(finding, wanted, (rows) => show(chosen >= 0 && hits.has(chosen) ? chosen : rows[0]));
  const isThere = layout.total > 0;
  useEffect(() => {
    if (isThere && chosen >= 0) control.current?.show(chosen);
  }, [isThere]);
  const step = (forward: boolean) => show(nextOf(finding.rows, chosen, forward));
  useKeys([
    { keys: "n", says: "To the next line that was found", run: () => step(true), where: "Logs" },
    { keys: "N", says: "To the one before it", run: () => step(false), where: "Logs" },
    { keys: "f", says: "Follow the end", run: () => setFollow(!follow), where: "Logs" },
  ]);

  const view = useRef({ first: 0, last: 0 });
  const fetchView = useCallback((first: number, last: number) => {
    view.current = { first, last };
    const ranges = new Map<number, { log: number; count: number; first: number; last: number }>();
    for (let row = first; row <= last; row += 1) {
      const at = rowAt(layout, row);
      if (at?.is !== "line") continue;
      const range = ranges.get(at.log.log) ?? { log: at.log.log, count: at.log.count, first: at.line, last: at.line };
      ranges.set(at.log.log, { ...range, last: at.line });
    }
    blocks.want([...ranges.values()]);
  }, [layout, blocks]);
  useEffect(() => fetchView(view.current.first, view.current.last));

  if (error && !logs) return <p class="nothing" role="alert">{error}</p>;
  if (!logs) return <p class="quiet">…</p>;
  if (!layout.total) return <p class="nothing">This run printed nothing{run.state === "running" ? " yet" : ""}.</p>;
  const draw = (row: number) => {
    const at = rowAt(layout, row);
    if (!at) return null;
    const line = at.is === "line" ? blocks.line(at.log.log, at.line) : undefined;
    return <RowOf key={row} at={at} number={row + 1} line={line} spans={spans} isHit={hits.has(row)} isChosen={row === chosen} onChoose={() => choose(row === chosen ? -1 : row)} />;
  };
  return (
    <div class={`console ${rowAt(layout, chosen) ? "with-line" : ""}`}>
      <Tools run={run} logs={logs} wanted={wanted} finding={finding} chosen={chosen} follow={follow} onFollow={setFollow} onStep={(forward) => (finding.rows.length ? step(forward) : !finding.isLoading && setTurn(turn + 1))} />
      {refused && <p class="error" role="alert">{refused}</p>}
      <Scroller total={layout.total} label={`Console, ${many(layout.lines, "line")}`} draw={draw} follow={follow} onFollow={setFollow} onView={fetchView} control={control}>
        <HitMap rows={finding.rows} total={layout.total} />
      </Scroller>
      <Chosen row={chosen} at={rowAt(layout, chosen)} line={lineOf(blocks, rowAt(layout, chosen))} onClose={() => choose(-1)} />
    </div>
  );
}

function lineOf(blocks: Blocks, at: ReturnType<typeof rowAt>) {
  return at?.is === "line" ? blocks.line(at.log.log, at.line) : undefined;
}

const MOST_MARKS = 300;

/** Beside the scroll bar: where in the whole console something was found. */
function HitMap({ rows, total }: { rows: readonly number[]; total: number }) {
  const places = new Set(rows.map((row) => Math.round((row / Math.max(1, total)) * MOST_MARKS)));
  return <div class="hits" aria-hidden="true">{[...places].map((place) => <i key={place} style={{ top: `${(place / MOST_MARKS) * 100}%` }} />)}</div>;
}

