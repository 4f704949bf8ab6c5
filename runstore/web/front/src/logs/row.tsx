/** One row of the console. */
import { moment } from "../parts/words";
import { marked, piecesOf } from "./ansi";
import type { Line } from "./blocks";
import type { Row } from "./layout";

// Of a longer line the rest is seen when it is chosen.
const MOST_CHARACTERS = 2_000;

interface RowProps {
  at: Row;
  number: number;
  /** Undefined while it is on its way. */
  line: Line | undefined;
  spans: (line: string) => [number, number][];
  isHit: boolean;
  isChosen: boolean;
  onChoose: () => void;
}

const KINDS: Record<string, string> = { start: "", resume: "resumed ", rewind: "set back ", rank: "of another process, ", successor: "after a failed write, " };

export function RowOf({ at, number, line, spans, isHit, isChosen, onChoose }: RowProps) {
  if (at.is === "heading") {
    return <div class="row heading">{at.log.path}: {KINDS[at.log.kind] ?? ""}{moment(at.log.started_at)}</div>;
  }
  const stream = at.is === "open" ? at.open.stream : (line?.stream ?? "");
  const text = at.is === "open" ? at.open.text : line?.text;
  return (
    <div class={`row ${stream} ${isHit ? "hit" : ""} ${isChosen ? "chosen" : ""} ${at.is === "open" ? "open" : ""}`}>
      <button type="button" class="number" tabIndex={-1} title={line ? moment(line.time) : undefined} aria-label={`Line ${number}`} onClick={onChoose}>{number}</button>
      {stream === "stderr" && <span class="unseen">stderr: </span>}
      {text === undefined ? <span class="quiet">…</span> : <Coloured text={text.slice(0, MOST_CHARACTERS)} spans={spans} />}
      {text !== undefined && text.length > MOST_CHARACTERS && <button type="button" class="more" tabIndex={-1} onClick={onChoose}>… {text.length.toLocaleString("en")} characters</button>}
    </div>
  );
}

export function Coloured({ text, spans }: { text: string; spans?: (line: string) => [number, number][] }) {
  const pieces = marked(piecesOf(text), spans ? spans(text) : []);
  return (
    <span class="text">
      {pieces.map((piece, place) => {
        const style: Record<string, string> = {};
        if (piece.color) style["--own"] = piece.color;
        if (piece.ground) style.backgroundColor = piece.ground;
        // A colour of the program's own is kept readable, unless its ground is the program's own as well.
        const own = piece.color ? (piece.ground ? "own" : "own readable") : "";
        const drawn = piece.kind || own || piece.ground ? <span key={place} class={`${piece.kind} ${own}`} style={style}>{piece.text}</span> : piece.text;
        return piece.isFound ? <mark key={place}>{drawn}</mark> : drawn;
      })}
    </span>
  );
}
