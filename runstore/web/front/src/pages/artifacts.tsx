/** Artifacts: the list of a project, or of all, or one version of one. */
import "../style/sheet.css";
import "../artifacts/artifacts.css";
import type { PageProps } from "../shell/pages";
import { ArtifactList } from "../artifacts/list";
import { parsePlace } from "../artifacts/links";
import { ArtifactVersion } from "../artifacts/version";

export default function Artifacts({ rest, query }: PageProps) {
  const place = parsePlace(rest);
  return place ? <ArtifactVersion artifact={place.ref} project={place.project} query={query} /> : <ArtifactList project={rest} query={query} />;
}
