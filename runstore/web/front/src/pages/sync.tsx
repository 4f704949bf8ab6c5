/** How far runs are: durable here, indexed, and proven to be at each target; of a hub, what it holds. */
import "../style/sheet.css";
import "../sync/sync.css";
import { useEffect } from "preact/hooks";
import type { PageProps } from "../shell/pages";
import { Held } from "../sync/held";
import { Source } from "../sync/source";
import { useSync } from "../sync/watch";

export default function Sync({ query }: PageProps) {
  const { data, error } = useSync(query.get("all") ?? "", query.get("text") ?? "");
  useEffect(() => {
    document.title = "Sync · runstore";
  }, []);
  if (error && !data) return <p class="error page" role="alert">{error}</p>;
  if (!data) return <p class="quiet page">…</p>;
  return data.kind === "hub" ? <Held held={data} /> : <Source facts={data} query={query} />;
}
