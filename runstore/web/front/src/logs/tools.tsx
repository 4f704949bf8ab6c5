/** What can be done with a console: search, follow, download. */
import { useEffect, useRef, useState } from "preact/hooks";
import { many } from "../parts/words";
import { useKeys } from "../shell/keys";
import { adjust } from "../shell/router";
import { announce, toast } from "../shell/says";
import type { Run } from "../run/types";
import { saveBlob } from "../parts/saving";
import { wholeConsole } from "./download";
import type { Finding, Wanted } from "./finding";
import type { ConsoleLog } from "./layout";

interface ToolsProps {
  run: Run;
  logs: ConsoleLog[];
  wanted: Wanted;
  finding: Finding;
  /** The row that is chosen, or -1. */
  chosen: number;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  onStep: (forward: boolean) => void;
}

export function Tools({ run, logs, wanted, finding, chosen, follow, onFollow, onStep }: ToolsProps) {
  const input = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", says: "Search the console", run: () => input.current?.focus(), where: "Logs" }]);
  const flag = (name: "regex" | "case", label: string, sign: string) => (
    <button type="button" class="press sign" aria-pressed={wanted[name]} aria-label={label} title={label} onClick={() => adjust({ [name]: wanted[name] ? "" : "1" })}>{sign}</button>
  );
  return (
    <div class="tools" role="search">
      <input
        ref={input}
        type="search"
        placeholder="Search (/)"
        aria-label="Search the console"
        value={wanted.text}
        onInput={(event) => adjust({ find: event.currentTarget.value, line: "" })}
        onKeyDown={(event) => event.key === "Enter" && (event.preventDefault(), onStep(!event.shiftKey))}
      />
      {flag("case", "Capitals count", "Aa")}
      {flag("regex", "Regular expression", ".*")}
      {wanted.text && <Standing finding={finding} chosen={chosen} onStep={onStep} />}
      <span class="gap" />
      <button type="button" class="press" aria-pressed={follow} onClick={() => onFollow(!follow)}>{run.state === "running" ? "Follow" : "To the end"}</button>
      <Download run={run} logs={logs} />
    </div>
  );
}

function Standing({ finding, chosen, onStep }: Pick<ToolsProps, "finding" | "chosen" | "onStep">) {
  const { rows, total, error, isLoading } = finding;
  const place = rows.indexOf(chosen);
  const said = isLoading ? "searching…" : total ? `${place >= 0 ? `${(place + 1).toLocaleString("en")} of ` : ""}${many(total, "line")}${total > rows.length ? `, the first ${rows.length.toLocaleString("en")} shown` : ""}` : "not found";
  useEffect(() => {
    if (!isLoading && !error) announce(said);
  }, [said]);
  if (error) return <span class="error" role="alert">{error}</span>;
  return (
    <>
      <span class="quiet">{said}</span>
      <button type="button" class="press sign" aria-label="The one before" title="The one before (N)" disabled={!total} onClick={() => onStep(false)}>↑</button>
      <button type="button" class="press sign" aria-label="The next one" title="The next one (n)" disabled={!total} onClick={() => onStep(true)}>↓</button>
    </>
  );
}

function Download({ run, logs }: { run: Run; logs: ConsoleLog[] }) {
  const [share, setShare] = useState<number>();
  const abort = useRef<AbortController>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const begin = async () => {
    const own = (abort.current = new AbortController());
    setShare(0);
    try {
      saveBlob(await wholeConsole(run.ref, logs, setShare, own.signal), `${run.id}-console.txt`);
    } catch (problem) {
      if (!own.signal.aborted) toast(`The console was not downloaded: ${(problem as Error).message}`, "error");
    }
    setShare(undefined);
  };
  if (share === undefined) return <button type="button" class="press" onClick={() => void begin()}>Download</button>;
  return <button type="button" class="press" onClick={() => abort.current?.abort()}>{Math.floor(share * 100)} % – stop</button>;
}
