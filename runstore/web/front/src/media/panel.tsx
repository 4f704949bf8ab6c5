/** One key: what each run has under it at one step, and the slider that chooses the step. */
import { useMemo, useState } from "preact/hooks";
import { Swatch } from "../parts/swatch";
import { post } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { useLoad } from "../shell/load";
import { adjust, link } from "../shell/router";
import { Chart } from "./chart";
import { HistogramPanel } from "./histogrampanel";
import { WithLayers } from "./layers";
import { Scrubber } from "./scrubber";
import { useSeen } from "./seen";
import { undistanced, united } from "./steps";
import type { MediaKey, MediaRun, Picture, Shown, Values, View } from "./types";
import { ViewOf } from "./view";

const WIDE = ["table", "list"];

/** Whether a panel takes all of the width: tables do, and what is shown of several runs side by side. */
export function isWide(kind: string, alone: boolean): boolean {
  return WIDE.includes(kind) || (!alone && kind !== "chart");
}

export interface PanelProps {
  media: MediaKey;
  runs: MediaRun[];
  /** Whether it is the page of one run, whose name need not be said. */
  alone: boolean;
  /** The step that all panels show, or one before it; undefined for the last. */
  step: number | undefined;
}

export function Panel({ media, runs, alone, step }: PanelProps) {
  const [element, isSeen] = useSeen<HTMLElement>();
  return (
    <section ref={element} class={`card media-panel${isWide(media.kind, runs.length < 2) ? " wide" : ""}`} aria-label={media.key} data-key={media.key}>
      <h3 title={media.key}>{media.key.slice(media.key.lastIndexOf("/") + 1)}</h3>
      <Once isOpen={isSeen}>{() => <Content media={media} runs={runs} alone={alone} step={step} isSeen={isSeen} />}</Once>
    </section>
  );
}

/** What is drawn from the first time on that it is seen; before, only its place is kept free. */
function Once({ isOpen, children }: { isOpen: boolean; children: () => preact.ComponentChildren }) {
  const [wasOpen, setOpen] = useState(isOpen);
  if (isOpen && !wasOpen) setOpen(true);
  return wasOpen ? <>{children()}</> : <div class="media-waiting" />;
}

interface StepsAnswer {
  steps: Record<string, number[]>;
}

function Content({ media, runs, alone, step, isSeen }: PanelProps & { isSeen: boolean }) {
  const refs = useMemo(() => runs.map((run) => run.ref), [runs.map((run) => run.ref).join("\n")]);
  const { key, kind } = media;
  const known = useLoad((signal) => post<StepsAnswer>("media/steps", { refs, key }, signal), [refs, key]);
  const [turn, setTurn] = useState(0);
  const [seenTurn, setSeenTurn] = useState(0);
  useChanges((change) => concerns(change, refs) && setTurn((old) => old + 1));
  const [seenStep, setSeenStep] = useState(step);
  if (isSeen && turn !== seenTurn) {
    setSeenTurn(turn); // what is out of sight asks for nothing until it is seen again
    known.again();
  }
  if (isSeen && step !== seenStep) setSeenStep(step);
  const steps = useMemo(() => united(Object.values(known.data?.steps ?? {}).map(undistanced)), [known.data]);
  const at = seenStep === undefined || !steps.length ? null : seenStep;
  const scrubber = steps.length > 1 && <Scrubber steps={steps} step={step} label={key} onStep={(next) => adjust({ mstep: next === undefined ? undefined : String(next) })} />;
  const given = { runs, refs, name: key, step: at, turn: seenTurn, alone };
  if (!known.data) return known.error ? <p class="error">{known.error}</p> : <div class="media-waiting" />;
  if (kind === "chart") return <>{scrubber}<Chart {...given} /></>;
  if (kind === "histogram") return <>{scrubber}<HistogramPanel {...given} /></>;
  return <>{scrubber}<Cells {...given} /></>;
}

export interface GivenProps {
  runs: MediaRun[];
  refs: string[];
  /** The key. */
  name: string;
  /** null for the last one. */
  step: number | null;
  /** Another number whenever the runs have changed. */
  turn: number;
  alone: boolean;
}

export function Cells({ runs, refs, name, step, turn, alone }: GivenProps) {
  const { data, error } = useLoad((signal) => post<{ values: Values }>("media/at", { refs, key: name, step }, signal), [refs, name, step, step === null ? turn : 0]);
  if (!data) return error ? <p class="error">{error}</p> : <div class="media-waiting" />;
  const pictures = runs.flatMap(({ ref }) => picturesIn(data.values[ref]));
  return (
    <WithLayers pictures={pictures}>
      <div class={`media-cells${alone ? " alone" : ""}`}>
        {runs.map((run) => (
          <Cell key={run.ref} run={run} value={data.values[run.ref] ?? null} name={name} alone={alone} />
        ))}
      </div>
    </WithLayers>
  );
}

function picturesIn(view: View | null | undefined): Picture[] {
  if (view?.kind === "list") return view.views.flatMap(picturesIn);
  return view?.kind === "images" ? view.items : [];
}

function Cell({ run, value, name, alone }: { run: MediaRun; value: Shown | null; name: string; alone: boolean }) {
  return (
    <figure class="media-cell">
      <RunLine run={run} step={value?.step} alone={alone} />
      {value ? <ViewOf view={value} place={{ ref: run.ref, key: name, step: value.step }} /> : <p class="quiet">Nothing at this step, or before it.</p>}
    </figure>
  );
}

/** Whose value it is, and of which step. */
export function RunLine({ run, step, alone }: { run: MediaRun; step: number | null | undefined; alone: boolean }) {
  const when = step === undefined ? "" : step === null ? "of the summary" : `step ${step.toLocaleString("en")}`;
  if (alone) return when ? <p class="media-whose quiet">{when}</p> : null;
  return (
    <p class="media-whose">
      <Swatch reference={run.ref} /> <a href={link(`r/${run.ref}`, { tab: "media" })} title={run.name}>{run.name}</a> <span class="quiet">{when}</span>
    </p>
  );
}
