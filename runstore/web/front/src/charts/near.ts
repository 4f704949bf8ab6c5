/** Whether an element is in view, or nearly so: only then is anything fetched or drawn for it. */
import { type RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

const NEAR_PX = 200;

export function useNear(element: RefObject<Element | null>): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => setNear(entries.at(-1)?.isIntersecting ?? false), { rootMargin: `${NEAR_PX}px` });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return isNear;
}
