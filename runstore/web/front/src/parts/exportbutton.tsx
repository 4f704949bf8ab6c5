/** A button that saves runs as one HTML file, which needs no server. */
import { useState } from "preact/hooks";
import { post } from "../shell/api";
import { toast } from "../shell/says";
import { saveBlob } from "./saving";

interface Answer {
  name: string;
  html: string;
}

/** `refs` of 100 runs at most; of more the first are saved. */
export function ExportButton({ refs, text = "Export" }: { refs: readonly string[]; text?: string }) {
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const { name, html } = await post<Answer>("export", { refs: refs.slice(0, 100) });
      saveBlob(new Blob([html], { type: "text/html" }), name);
    } catch (problem) {
      toast((problem as Error).message, "error");
    }
    setBusy(false);
  };
  return (
    <button type="button" class="press" disabled={isBusy || !refs.length} title="Save what is shown as one HTML file, which needs no server" onClick={save}>
      {isBusy ? "Exporting…" : text}
    </button>
  );
}
