/** The buttons of a card: what can be done with its chart is loaded when somebody looks. */
import { useState } from "preact/hooks";
import { Menu } from "../parts/menu";
import { lazy } from "../shell/lazy";
import type { CardProps } from "./card";
import type { Chart } from "./saving";
import { look } from "./view";

const Actions = lazy(() => import("./actions"));
const DataTable = lazy(() => import("./datatable"));

export interface CardMenuProps extends CardProps {
  isLog: boolean;
  chart: Chart | undefined;
}

export function CardMenu(props: CardMenuProps) {
  const { name, chart, isLarge } = props;
  const [showsTable, setShowsTable] = useState(false);
  return (
    <>
      {!isLarge && <button type="button" class="plain grow" aria-label={`Let ${name} fill the window`} title="Fill the window" onClick={() => look({ large: name })}>⤢</button>}
      <Menu button="⋯" label={`What can be done with ${name}`} at="end">{(close) => <Actions {...props} close={close} onTable={() => setShowsTable(true)} />}</Menu>
      {showsTable && chart && <DataTable title={name} chart={chart} onClose={() => setShowsTable(false)} />}
    </>
  );
}
