/** The line that was chosen, whole: with its moment, and where it went. */
import { moment } from "../parts/words";
import { Copied } from "../run/copied";
import { plainOf } from "./ansi";
import type { Line } from "./blocks";
import type { Row } from "./layout";
import { Coloured } from "./row";

interface ChosenProps {
  row: number;
  at: Row | undefined;
  line: Line | undefined;
  onClose: () => void;
}

export function Chosen({ row, at, line, onClose }: ChosenProps) {
  if (!at || at.is === "heading") return null;
  const text = at.is === "open" ? at.open.text : (line?.text ?? "");
  const stream = at.is === "open" ? at.open.stream : line?.stream;
  const plain = plainOf(text);
  return (
    <aside class="chosen-line" aria-label={`Line ${row + 1}`}>
      <header>
        <strong>Line {(row + 1).toLocaleString("en")}</strong>
        <span class={`pill ${stream === "stderr" ? "warn" : ""}`}>{stream}</span>
        <span class="quiet">{line ? moment(line.time) : at.is === "open" ? "not ended yet" : ""}</span>
        <Copied text={plain} shown="" />
        <button type="button" class="plain" aria-label="Close this line" onClick={onClose}>×</button>
      </header>
      <pre class="code" tabIndex={0}><Coloured text={text} /></pre>
    </aside>
  );
}
