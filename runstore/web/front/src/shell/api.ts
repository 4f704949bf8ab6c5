/** Requests to the JSON API, with the token that came in the address. */
import { ApiError } from "./refusal";

export { ApiError };

const TOKEN_PLACE = `runstore-token ${new URL(document.baseURI).pathname}`;

/** Take the token out of the address, where it should not stay, and keep it for this browser. */
export function takeToken(): void {
  const found = /^#token=([\w-]+)$/.exec(location.hash);
  if (found?.[1]) {
    localStorage.setItem(TOKEN_PLACE, found[1]);
    history.replaceState(null, "", location.pathname + location.search);
  }
}

/** Answer of `GET api/PATH`; parameters that are undefined are left out. */
export function get<T>(path: string, params: Record<string, string | number | undefined> = {}, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return answer<T>(text ? `${path}?${text}` : path, signal ? { signal } : {});
}

/** Answer of `POST api/PATH` with a JSON body: for changes, and for questions too long for an address. */
export function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return answer<T>(path, signal ? { ...init, signal } : init);
}

async function answer<T>(path: string, init: RequestInit): Promise<T> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${localStorage.getItem(TOKEN_PLACE) ?? ""}`);
  let response: Response;
  try {
    response = await fetch(new URL(`api/${path}`, document.baseURI), { ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "the server does not answer; it may have been stopped");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body.error ?? response.statusText, body);
  return body as T;
}
