/** What runs printed, answered from the data in the file as routes/console.py does. */
import { plainOf } from "../logs/ansi";
import type { Lines } from "../logs/blocks";
import { ApiError } from "../shell/refusal";
import { exported } from "./data";

const MOST_PLACES = 10_000;

type Asked = Record<string, unknown>;

export function linesOf({ ref, log, from, count }: Asked): Lines {
  const lines = exported.consoles[String(ref)]?.lines[String(log)];
  const first = Number(from ?? 0);
  const behind = first + Number(count ?? 500);
  return {
    from: first,
    streams: lines?.streams.slice(first, behind) ?? "",
    times: moments(lines?.times ?? []).slice(first, behind),
    texts: lines?.texts.slice(first, behind) ?? [],
  };
}

/** Times in milliseconds, each since the one before, as seconds since the epoch. */
export function moments(distances: readonly number[]): number[] {
  let at = 0;
  return distances.map((distance) => (at += distance) / 1000);
}

export function findIn({ ref, text, regex, case: isExact }: Asked): { logs: number[]; lines: number[]; total: number } {
  const pattern = patternOf(String(text ?? ""), Boolean(regex), Boolean(isExact));
  const found = { logs: [] as number[], lines: [] as number[], total: 0 };
  if (!text) return found;
  for (const { log } of exported.consoles[String(ref)]?.logs ?? []) {
    exported.consoles[String(ref)]?.lines[String(log)]?.texts.forEach((line, place) => {
      if (!pattern.test(plainOf(line))) return;
      found.total += 1;
      if (found.lines.length >= MOST_PLACES) return;
      found.logs.push(log);
      found.lines.push(place);
    });
  }
  return found;
}

function patternOf(text: string, isExpression: boolean, isExact: boolean): RegExp {
  try {
    return new RegExp(isExpression ? text : text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), isExact ? "" : "i");
  } catch (error) {
    throw new ApiError(400, (error as Error).message);
  }
}
