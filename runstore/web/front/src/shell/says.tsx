/** What is said to whoever uses the page: short messages in a corner, and words for screen readers alone. */
import { store, useStore } from "./store";

export interface Toast {
  id: number;
  text: string;
  kind: "info" | "error";
}

const SHOWN_MS = 6_000;
const toasts = store<readonly Toast[]>([]);
const spoken = store("");
let lastId = 0;

/** Show a message for some seconds; an error stays until it is closed. */
export function toast(text: string, kind: Toast["kind"] = "info"): void {
  const one = { id: ++lastId, text, kind };
  toasts.set([...toasts.get().slice(-3), one]);
  if (kind === "info") setTimeout(() => close(one.id), SHOWN_MS);
}

/** Say something that those who see the page see anyhow, such as how many runs a filter left. */
export function announce(text: string): void {
  spoken.set(spoken.get() === text ? `${text}\u00a0` : text);
}

function close(id: number): void {
  toasts.set(toasts.get().filter((one) => one.id !== id));
}

export function Says() {
  const shown = useStore(toasts);
  const words = useStore(spoken);
  return (
    <>
      <div class="unseen" role="status" aria-live="polite">{words}</div>
      <div class="toasts" role="region" aria-label="Messages">
        {shown.map((one) => (
          <p key={one.id} class={`toast ${one.kind}`} role={one.kind === "error" ? "alert" : "status"}>
            <span>{one.text}</span>
            <button type="button" class="plain" aria-label="Close this message" onClick={() => close(one.id)}>×</button>
          </p>
        ))}
      </div>
    </>
  );
}
