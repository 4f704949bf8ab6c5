/** Name, notes and tags, edited in place. What is saved is in the run's edit log, and outlives the index. */
import { useRef, useState } from "preact/hooks";
import { post } from "../shell/api";
import { look } from "../shell/changes";
import { announce, toast } from "../shell/says";
import type { Run } from "./types";

interface EditProps {
  run: Run;
  /** Called when something was saved. */
  onSaved: () => void;
}

async function save(run: Run, changes: Record<string, unknown>, what: string, onSaved: () => void): Promise<boolean> {
  try {
    await post("run/edit", { ref: run.ref, ...changes });
  } catch (problem) {
    toast(`${what} was not saved: ${(problem as Error).message}`, "error");
    return false;
  }
  announce(`${what} saved`);
  onSaved();
  void look();
  return true;
}

export function Name({ run, onSaved }: EditProps) {
  const [text, setText] = useState<string>();
  const keep = async () => {
    const wanted = text?.trim();
    if (!wanted || wanted === run.name || (await save(run, { name: wanted }, "The name", onSaved))) setText(undefined);
  };
  if (text === undefined) {
    return (
      <h1>
        <bdi>{run.name}</bdi>{" "}
        {run.can_edit && <Pencil label="Change the name" onClick={() => setText(run.name)} />}
      </h1>
    );
  }
  return (
    <form class="naming" onSubmit={(event) => (event.preventDefault(), void keep())}>
      <input
        type="text"
        aria-label="Name of the run"
        value={text}
        maxLength={1000}
        ref={focused}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && setText(undefined)}
      />
      <button type="submit" class="press">Save</button>
      <button type="button" class="press" onClick={() => setText(undefined)}>Cancel</button>
    </form>
  );
}

export function Notes({ run, onSaved }: EditProps) {
  const [text, setText] = useState<string>();
  const { notes } = run.still;
  const before = useRef(notes);
  const begin = () => {
    before.current = notes;
    setText(notes);
  };
  const keep = async () => {
    if (text === before.current || (await save(run, { notes: text, was: { notes: before.current } }, "The notes", onSaved))) setText(undefined);
  };
  return (
    <section class="part" aria-label="Notes">
      <header>
        <h2>Notes</h2>
        {run.can_edit && text === undefined && <Pencil label="Change the notes" onClick={begin} />}
      </header>
      {text === undefined && (notes ? <p class="prose">{notes}</p> : <p class="quiet">{run.can_edit ? <button type="button" class="more" onClick={begin}>Write down what this run is about</button> : "None."}</p>)}
      {text !== undefined && (
        <form class="noting" onSubmit={(event) => (event.preventDefault(), void keep())}>
          <textarea
            aria-label="Notes of the run"
            rows={Math.min(20, Math.max(4, text.split("\n").length + 1))}
            value={text}
            ref={focused}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") setText(undefined);
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void keep();
            }}
          />
          <p>
            <button type="submit" class="press">Save</button>{" "}
            <button type="button" class="press" onClick={() => setText(undefined)}>Cancel</button>{" "}
            <span class="quiet">Ctrl+Enter saves, Escape gives up</span>
          </p>
        </form>
      )}
    </section>
  );
}

export function Tags({ run, onSaved }: EditProps) {
  const [text, setText] = useState<string>();
  const add = async () => {
    const tags = (text ?? "").split(",").map((tag) => tag.trim()).filter(Boolean);
    if (!tags.length || (await save(run, { add_tags: tags }, tags.length > 1 ? "The tags" : "The tag", onSaved))) setText(undefined);
  };
  return (
    <ul class="tags" aria-label="Tags">
      {run.still.tags.map((tag) => (
        <li key={tag} class="pill accent" title={tag}>
          <span>{tag}</span>
          {run.can_edit && (
            <button type="button" class="off" aria-label={`Take the tag ${tag} away`} onClick={() => void save(run, { remove_tags: [tag] }, "The tags", onSaved)}>×</button>
          )}
        </li>
      ))}
      {run.can_edit && text === undefined && (
        <li><button type="button" class="pill add" onClick={() => setText("")}>+ tag</button></li>
      )}
      {text !== undefined && (
        <li>
          <form onSubmit={(event) => (event.preventDefault(), void add())}>
            <input
              type="text"
              class="tagging"
              aria-label="New tag"
              value={text}
              maxLength={200}
              ref={focused}
              onInput={(event) => setText(event.currentTarget.value)}
              onKeyDown={(event) => event.key === "Escape" && setText(undefined)}
              onBlur={() => !text.trim() && setText(undefined)}
            />
          </form>
        </li>
      )}
    </ul>
  );
}

function Pencil({ label, onClick }: { label: string; onClick: () => void }) {
  return <button type="button" class="pencil" aria-label={label} title={label} onClick={onClick}>✎</button>;
}

/** What was just opened to be typed into has the focus. */
function focused(element: HTMLInputElement | HTMLTextAreaElement | null): void {
  if (element && document.activeElement !== element && !element.dataset.seen) {
    element.dataset.seen = "yes";
    element.focus();
  }
}
