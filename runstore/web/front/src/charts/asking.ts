/** Charts that are asked for at the same moment travel together; each answer comes to whom asked for it. */
import { ApiError, post } from "../shell/api";
import { decoded } from "./decode";
import type { ChartData, SentChart, Want } from "./types";

/** Charts that come into view together are asked for together, but not so many that the first waits for all. */
const TOGETHER = 6;
const PATIENCE_MS = 8;

interface Waiting {
  want: Want;
  signal: AbortSignal | undefined;
  lines: readonly string[];
  resolve: (data: ChartData) => void;
  reject: (error: unknown) => void;
}

const queues = new Map<string, { refs: readonly string[]; waiting: Waiting[] }>();

/** The chart that is wanted of these runs; its lines bear the names of `lines`, by default those of the runs. */
export function askChart(refs: readonly string[], want: Want, signal?: AbortSignal, lines: readonly string[] = refs): Promise<ChartData> {
  const name = refs.join("\n");
  return new Promise((resolve, reject) => {
    const queue = queues.get(name) ?? { refs, waiting: [] };
    queue.waiting.push({ want, signal, lines, resolve, reject });
    if (queues.has(name)) return;
    queues.set(name, queue);
    setTimeout(() => {
      queues.delete(name);
      const wanted = queue.waiting.filter((one) => !one.signal?.aborted);
      for (let at = 0; at < wanted.length; at += TOGETHER) void send(refs, wanted.slice(at, at + TOGETHER));
    }, PATIENCE_MS);
  });
}

async function send(refs: readonly string[], waiting: readonly Waiting[]): Promise<void> {
  const abort = new AbortController();
  const withdraw = () => waiting.every((one) => one.signal?.aborted) && abort.abort();
  for (const one of waiting) one.signal?.addEventListener("abort", withdraw);
  try {
    const { charts } = await post<{ charts: SentChart[] }>("charts", { refs, charts: waiting.map((one) => one.want) }, abort.signal);
    waiting.forEach((one, place) => {
      const sent = charts[place];
      if (sent) one.resolve(decoded(sent, one.lines));
      else one.reject(new ApiError(500, "the server left a chart out"));
    });
  } catch (error) {
    for (const one of waiting) one.reject(error);
  }
}
