/** A component that is loaded when it is first shown. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let found: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [state, setState] = useState<"waiting" | "there" | "failed">(found ? "there" : "waiting");
    useEffect(() => {
      if (found) return;
      load().then(
        (module) => {
          found = module.default;
          setState("there");
        },
        () => setState("failed"),
      );
    }, []);
    const Found = found;
    if (Found) return <Found {...props} />;
    return state === "failed" ? <Failed /> : <p class="quiet" role="status">…</p>;
  };
}

/** The server is gone, or is another version than the page, whose parts it no longer has: only a reload helps. */
function Failed() {
  return (
    <p class="empty" role="alert">
      This part of the page could not be loaded. <button type="button" class="button" onClick={() => location.reload()}>Load the page anew</button>
    </p>
  );
}
