/** The keys of a project, asked for when they are first needed, and again when runs came since. */
import { useEffect, useState } from "preact/hooks";
import { get } from "../shell/api";
import { useChanges } from "../shell/changes";
import type { ProjectKeys } from "./completing";

const known = new Map<string, Promise<ProjectKeys>>();

/** The keys of a project; undefined until they are here, and as long as nobody wants them. */
export function useKeysOf(project: string, isWanted: boolean): ProjectKeys | undefined {
  const [keys, setKeys] = useState<ProjectKeys>();
  useChanges((change) => {
    if (change.listed || change.everything) known.delete(project);
  });
  useEffect(() => {
    if (!isWanted) return;
    let isCurrent = true;
    keysOf(project).then((found) => isCurrent && setKeys(found), () => known.delete(project));
    return () => {
      isCurrent = false;
    };
  }, [project, isWanted]);
  return keys;
}

function keysOf(project: string): Promise<ProjectKeys> {
  const found = known.get(project) ?? get<ProjectKeys>("columns", { ref: project });
  known.set(project, found);
  return found;
}
