/** The run that made a version, by the name that people know it by. */
import { link } from "../shell/router";

export function ByRun({ run, name }: { run: string; name: string }) {
  return <a href={link(`r/${run}`)} title={decodeURIComponent(run)}>{name}</a>;
}
