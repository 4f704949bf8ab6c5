/** The media of one run. */
import { useMemo } from "preact/hooks";
import Media from "../media/media";
import type { TabProps } from "./types";

export default function MediaTab({ run, query }: TabProps) {
  const refs = useMemo(() => [run.ref], [run.ref]);
  return <Media refs={refs} query={query} />;
}
