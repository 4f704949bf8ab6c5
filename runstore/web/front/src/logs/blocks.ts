/** Lines of a console that were fetched, in blocks; those that are in view, and not many more. */
import { get } from "../shell/api";

export const BLOCK_LINES = 250;
const MOST_BLOCKS = 80;

/** Lines by columns; the names are those of routes/console.py. */
export interface Lines {
  from: number;
  streams: string;
  times: number[];
  texts: string[];
}

export interface Line {
  stream: string;
  time: number;
  text: string;
}

const STREAMS = ["stdout", "stderr", "logger"];

export class Blocks {
  private readonly blocks = new Map<string, Lines>();
  private readonly asked = new Map<string, AbortController>();

  constructor(
    private readonly ref: string,
    private readonly onCome: () => void,
    private readonly onRefused: (problem: string) => void,
  ) {}

  line(log: number, line: number): Line | undefined {
    const block = this.blocks.get(keyOf(log, line));
    const place = line % BLOCK_LINES;
    const text = block?.texts[place];
    if (!block || text === undefined) return undefined;
    return { text, stream: STREAMS[Number(block.streams[place])] ?? "stdout", time: block.times[place] ?? 0 };
  }

  /** See to it that these lines come: of a log that has `count`, from `first` to `last`. Others on their way are let go. */
  want(ranges: readonly { log: number; count: number; first: number; last: number }[]): void {
    const wanted = new Set<string>();
    for (const { log, count, first, last } of ranges) {
      for (let begin = first - (first % BLOCK_LINES); begin <= last; begin += BLOCK_LINES) {
        const key = keyOf(log, begin);
        wanted.add(key);
        const have = this.blocks.get(key)?.texts.length ?? 0;
        const all = Math.min(BLOCK_LINES, count - begin);
        if (have < all && !this.asked.has(key)) void this.fetch(key, log, begin + have, all - have);
      }
    }
    for (const [key, abort] of this.asked) {
      if (wanted.has(key)) continue;
      abort.abort();
      this.asked.delete(key);
    }
  }

  private async fetch(key: string, log: number, from: number, count: number): Promise<void> {
    const abort = new AbortController();
    this.asked.set(key, abort);
    try {
      const found = await get<Lines>("console/lines", { ref: this.ref, log, from, count }, abort.signal);
      this.keep(key, found);
    } catch (problem) {
      if (!abort.signal.aborted) this.onRefused((problem as Error).message);
      return;
    } finally {
      if (this.asked.get(key) === abort) this.asked.delete(key);
    }
    this.onCome();
  }

  private keep(key: string, found: Lines): void {
    const before = this.blocks.get(key);
    this.blocks.delete(key);
    const whole = before && {
      from: before.from,
      streams: before.streams + found.streams,
      times: [...before.times, ...found.times],
      texts: [...before.texts, ...found.texts],
    };
    this.blocks.set(key, whole ?? found);
    for (const old of this.blocks.keys()) {
      if (this.blocks.size <= MOST_BLOCKS) break;
      this.blocks.delete(old);
    }
  }
}

function keyOf(log: number, line: number): string {
  return `${log} ${Math.floor(line / BLOCK_LINES)}`;
}
