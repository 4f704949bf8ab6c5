/** What can be done with a chart: the list that its menu opens. */
import { useEffect, useRef } from "preact/hooks";
import type { CardMenuProps } from "./cardmenu";
import type { Kind } from "./saving";
import { look, toggled } from "./view";

interface ActionsProps extends CardMenuProps {
  close: () => void;
  onTable: () => void;
}

export default function Actions({ name, view, isPinned, onPin, isLog, chart, isLarge, close, onTable }: ActionsProps) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []); // the menu was open before this was here
  const save = async (kind: Kind) => {
    if (!chart) return;
    const { saved } = await import("./picture");
    await saved(kind, name, chart);
  };
  const item = (text: string, run: () => void, isOff = false, ref: typeof first | null = null) => (
    <button key={text} ref={ref} type="button" class="item" disabled={isOff} onClick={() => (close(), run())}>{text}</button>
  );
  return (
    <>
      {item(isPinned ? "Unpin" : "Pin to the top", () => onPin(name), false, first)}
      {item(isLarge ? "Make it small" : "Fill the window", () => look({ large: isLarge ? "" : name }))}
      {item(isLog ? "Linear y axis" : "Logarithmic y axis", () => look({ log: toggled(view.log, name) }))}
      {item("Show the data as a table", onTable, !chart)}
      {(["png", "svg", "csv"] as const).map((kind) => item(`Save as ${kind.toUpperCase()}`, () => void save(kind), !chart))}
    </>
  );
}
