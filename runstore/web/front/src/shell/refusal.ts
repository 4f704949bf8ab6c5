/** Why a question has no answer: of a server, and of an exported file, which has none. */

/** What the server refused, or that it is gone: `status` is 0 then. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
  }
}
