/** The artifacts that one run used and logged. */
import RunArtifacts from "../artifacts/run";
import type { TabProps } from "./types";

export default function ArtifactsTab({ run }: TabProps) {
  return <RunArtifacts run={run.ref} />;
}
