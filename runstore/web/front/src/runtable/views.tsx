/** Saved views of a project: the address's parameters under a name, kept where the index is. */
import { Menu } from "../parts/menu";
import { lazy } from "../shell/lazy";

const ViewList = lazy(() => import("./viewlist"));

export function ViewsMenu({ project }: { project: string }) {
  return <Menu button="Views" at="end">{(close) => <ViewList project={project} close={close} />}</Menu>;
}
