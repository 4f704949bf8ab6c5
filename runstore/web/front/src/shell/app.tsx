/** The frame around every page. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Banner } from "./banner";
import { crumbsOf, Header } from "./header";
import { overlay } from "./keys";
import { lazy } from "./lazy";
import { pageAt } from "./pages";
import { usePlace } from "./router";
import { Says } from "./says";
import { useStore } from "./store";

export type { PageProps } from "./pages";

const KeyOverlay = lazy(() => import("./overlay"));

export function App() {
  const { path, query } = usePlace();
  const { Page, rest, name } = pageAt(path);
  const showsKeys = useStore(overlay);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    const where = crumbsOf(path).at(-1)?.text; // a page that knows better says so in an effect, which comes later
    document.title = where ? `${where} · runstore` : "runstore";
  }, [name]);
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [name]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>To the content</a>
      <Header path={path} />
      <Banner />
      <main id="main" ref={main} tabIndex={-1}>
        {Page ? <Page key={name} rest={rest} query={query} /> : <p class="empty">There is no such page.</p>}
      </main>
      <Says />
      {showsKeys && <KeyOverlay />}
    </>
  );
}
