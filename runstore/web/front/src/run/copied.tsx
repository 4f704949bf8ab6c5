/** A text with a button that copies it. */
import { Copy } from "../parts/copy";

interface CopiedProps {
  text: string;
  /** What is seen of it; by default all. */
  shown?: string;
  /** Whether it is something to type. */
  code?: boolean;
}

export function Copied({ text, shown = text, code = false }: CopiedProps) {
  return (
    <span class="copied">
      <span class={code ? "code" : ""} title={shown === text ? undefined : text}>{shown}</span>
      <Copy text={text} label={shown && shown.length <= 40 ? `Copy ${shown}` : "Copy"} />
    </span>
  );
}
