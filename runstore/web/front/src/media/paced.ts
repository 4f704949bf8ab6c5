/** A value that changes often, as it is at most every so many milliseconds; the last one always comes. */
import { useEffect, useRef, useState } from "preact/hooks";

export function usePaced<T>(value: T, everyMs: number): T {
  const [paced, setPaced] = useState(value);
  const changedAt = useRef(0);
  useEffect(() => {
    if (Object.is(value, paced)) return;
    const wait = Math.max(0, changedAt.current + everyMs - Date.now());
    const timer = setTimeout(() => {
      changedAt.current = Date.now();
      setPaced(() => value);
    }, wait);
    return () => clearTimeout(timer);
  }, [value, paced, everyMs]);
  return paced;
}
