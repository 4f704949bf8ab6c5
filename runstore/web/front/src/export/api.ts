/** Answers from the data in the file: stands in the place of shell/api.ts. */
import { ApiError } from "../shell/refusal";
import { findIn, linesOf } from "./consoles";
import { exported } from "./data";
import { cellOf, chartOf, heatOf, keysOf, stepsOf, tableOf, valuesOf } from "./media";

export { ApiError };

type Asked = Record<string, unknown>;
type Params = Record<string, string | number | undefined>;

// By the paths of the server's questions.
const ANSWERS: Record<string, (asked: Asked) => unknown> = {
  keys: () => exported.keys,
  media: keysOf,
  "media/steps": stepsOf,
  "media/at": valuesOf,
  "media/histograms": heatOf,
  "media/chart": chartOf,
  "media/table": tableOf,
  "media/cell": cellOf,
  console: ({ ref }) => exported.consoles[String(ref)]?.logs ?? [],
  "console/lines": linesOf,
  "console/find": findIn,
};

export async function get<T>(path: string, params: Params = {}): Promise<T> {
  return post<T>(path, params);
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  const answer = ANSWERS[path];
  if (!answer) throw new ApiError(404, `this file has no ${path}`);
  return answer(body as Asked) as T;
}
