/** A module that is loaded when it is first wanted: for what most never open. */
import { useEffect, useState } from "preact/hooks";

/** Make a hook that returns the module, undefined until it is here; where it can't be had, the next who wants it asks again. */
export function later<T>(load: () => Promise<T>): (isWanted: boolean) => T | undefined {
  let found: T | undefined;
  return function useLater(isWanted) {
    const [, setTurn] = useState(0);
    useEffect(() => {
      if (!isWanted || found) return;
      load().then(
        (module) => {
          found = module;
          setTurn((turn) => turn + 1);
        },
        () => {}, // the banner says that the server is gone
      );
    }, [isWanted]);
    return found;
  };
}
