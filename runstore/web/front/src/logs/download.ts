/** The whole console as a text file, fetched piece by piece. */
import { get } from "../shell/api";
import type { Lines } from "./blocks";
import { plainOf } from "./ansi";
import type { ConsoleLog } from "./layout";

const LINES_AT_ONCE = 5_000;

/** Returns the text without its colours. `onPart` is told the share that is there, from 0 to 1. */
export async function wholeConsole(ref: string, logs: readonly ConsoleLog[], onPart: (share: number) => void, signal: AbortSignal): Promise<Blob> {
  const parts: string[] = [];
  const all = Math.max(1, logs.reduce((sum, log) => sum + log.count, 0));
  let done = 0;
  for (const { log, count, open } of logs) {
    for (let from = 0; from < count; ) {
      const { texts } = await get<Lines>("console/lines", { ref, log, from, count: Math.min(LINES_AT_ONCE, count - from) }, signal);
      if (!texts.length) break;
      parts.push(texts.map((text) => `${plainOf(text)}\n`).join(""));
      from += texts.length;
      done += texts.length;
      onPart(done / all);
    }
    for (const line of open) parts.push(`${plainOf(line.text)}\n`);
  }
  return new Blob(parts, { type: "text/plain" });
}
