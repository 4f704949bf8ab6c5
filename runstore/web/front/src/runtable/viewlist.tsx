/** The saved views of a project in their menu, and a line to save the one that is shown. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, get, post } from "../shell/api";
import { go, link, place } from "../shell/router";
import { toast } from "../shell/says";
import "../style/views.css";

interface Saved {
  name: string;
  query: string;
}

interface Answer {
  views: Saved[];
  can_save?: boolean;
}

interface Known {
  views: Saved[];
  canSave: boolean;
}

export default function ViewList({ project, close }: { project: string; close: () => void }) {
  const [known, setKnown] = useState<Known>();
  const box = useRef<HTMLDivElement>(null);
  const load = () => get<Answer>("views", { ref: project }).then((found) => setKnown({ views: found.views, canSave: found.can_save ?? false }), complain);
  const change = (path: string, body: Record<string, string>) =>
    post<Answer>(path, { ref: project, ...body }).then((found) => setKnown({ views: found.views, canSave: true }), complain);
  const open = (query: string) => {
    go(`${link(place().path)}${query && `?${query}`}`);
    close();
  };
  useEffect(() => void load(), [project]);
  useEffect(() => box.current?.querySelector("button")?.focus(), [known === undefined]);
  return (
    <div class="views" ref={box}>
      {known?.views.length === 0 && <p class="label">{known.canSave ? "None saved yet. A view keeps the filter, order, columns and charts." : "None are saved; these pages are for reading only."}</p>}
      {known?.views.map((view) => (
        <div class="row" key={view.name}>
          <button type="button" class="item" onClick={() => open(view.query)}>{view.name}</button>
          {known.canSave && (
            <button type="button" class="plain" aria-label={`Remove the view ${view.name}`} onClick={() => void change("views/remove", { name: view.name })}>×</button>
          )}
        </div>
      ))}
      <button type="button" class="item" onClick={() => open("")}>As at first</button>
      {known?.canSave && <SaveLine onSave={(name) => change("views/save", { name, query: place().query.toString() })} />}
    </div>
  );
}

function SaveLine({ onSave }: { onSave: (name: string) => Promise<void> }) {
  const [name, setName] = useState("");
  const save = (event: Event) => {
    event.preventDefault();
    if (name.trim()) void onSave(name).then(() => setName(""));
  };
  return (
    <form onSubmit={save}>
      <input class="field" placeholder="Save this view as" aria-label="Name of the view" value={name} onInput={(event) => setName(event.currentTarget.value)} />
      <button type="submit" class="button" disabled={!name.trim()}>Save</button>
    </form>
  );
}

function complain(problem: ApiError): void {
  toast(problem.message, "error");
}
