/** Addresses of bytes, and reading them: they show no token, the address itself is the permission. */

/** What is said of a file that can't be had, behind its name. */
export const GONE = "is not on this machine.";

/** A relative address of the server as an absolute one. */
export function address(src: string): string {
  return new URL(src, document.baseURI).href;
}

/** The bytes at an address. Refuses what is larger than `mostBytes`. */
export async function bytesAt(src: string, mostBytes: number, signal: AbortSignal): Promise<ArrayBuffer> {
  return (await answered(src, mostBytes, signal)).arrayBuffer();
}

/** The bytes at an address, as text. Refuses what is larger than `mostBytes`. */
export async function textAt(src: string, mostBytes: number, signal: AbortSignal): Promise<string> {
  return (await answered(src, mostBytes, signal)).text();
}

async function answered(src: string, mostBytes: number, signal: AbortSignal): Promise<Response> {
  const response = await fetch(address(src), { signal });
  if (response.status === 404) throw new Error("The file is not on the server's machine.");
  if (!response.ok) throw new Error(`The file can't be read: ${response.status} ${response.statusText}`);
  const size = Number(response.headers.get("Content-Length") ?? 0);
  if (size > mostBytes) throw new Error(`The file has ${size.toLocaleString("en")} bytes, too many to be drawn; download it.`);
  return response;
}
