/** The filter box: the language of `runstore runs list --filter`, with what completes a word, and where it is wrong. */
import type { RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useKeys } from "../shell/keys";
import { later } from "../shell/later";
import type { Choice } from "./completing";
import { useKeysOf } from "./keys";
import type { Wrong } from "./rows";

const QUIET_MS = 300;
const FEW = 4;
const usePanel = later(() => import("./filterpanel"));

interface FilterProps {
  project: string;
  filter: string;
  wrong: Wrong | undefined;
  /** The filter leaves no run: why is said below, and should be seen. */
  leavesNone?: boolean;
  onFilter: (filter: string) => void;
}

export function FilterBox({ project, filter, wrong, leavesNone = false, onFilter }: FilterProps) {
  const input = useRef<HTMLInputElement>(null);
  const { text, setText, apply } = useTyped(filter, onFilter);
  const completing = useCompleting(project, text, setText, input, leavesNone && text === filter);
  const { choices, at, isOpen } = completing;
  const isWrong = wrong !== undefined && text === filter && text !== "";
  const panel = usePanel(isOpen || isWrong);
  const id = useId();
  useKeys([{ keys: "/", says: "Filter the runs", run: () => input.current?.select() }]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (completing.onKeyDown(event)) event.preventDefault();
    else if (event.key === "Enter") apply(text), completing.close();
    else if (event.key === "Escape") isOpen ? completing.close() : input.current?.blur();
  };
  const clear = () => (setText(""), apply(""), input.current?.focus());
  return (
    <div class="filter" onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && completing.close()}>
      <input
        ref={input} class="field" type="text" value={text} spellcheck={false} autocomplete="off" autocapitalize="off"
        role="combobox" aria-label="Filter" aria-expanded={choices.length > 0} aria-controls={id} aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined} aria-invalid={isWrong} aria-describedby={isWrong ? `${id}-wrong` : undefined}
        placeholder="Filter: lr<1e-3 arch:vit -tag:old state:running"
        onInput={(event) => (setText(event.currentTarget.value), completing.open())}
        onFocus={completing.open} onClick={completing.look} onKeyUp={completing.look} onKeyDown={onKeyDown}
      />
      {!text && <kbd aria-hidden="true">/</kbd>}
      {text && <button type="button" class="plain clear" aria-label="Clear the filter" onClick={clear}>×</button>}
      {panel && (choices.length > 0 || isWrong) && (
        <div class="panel floating">
          {isWrong && <panel.WrongFilter id={`${id}-wrong`} text={text} wrong={wrong} />}
          {choices.length > 0 && <panel.Choices id={id} choices={choices} at={at} onChoose={completing.choose} />}
        </div>
      )}
    </div>
  );
}

/** What is typed, which is applied after a moment's rest; `filter` is what was applied, here or elsewhere. */
function useTyped(filter: string, onFilter: (filter: string) => void) {
  const [text, setText] = useState(filter);
  const applied = useRef(filter);
  const apply = (next: string) => {
    applied.current = next;
    onFilter(next);
  };
  useEffect(() => {
    if (filter !== applied.current) setText((applied.current = filter));
  }, [filter]);
  useEffect(() => {
    if (text === applied.current) return;
    const timer = setTimeout(() => apply(text), QUIET_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return { text, setText, apply };
}

/** What completes the word before the caret, and which of it is chosen; with `isShort` little of it, and nothing where no word is begun. */
function useCompleting(project: string, text: string, setText: (text: string) => void, input: RefObject<HTMLInputElement | null>, isShort: boolean) {
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [caret, setCaret] = useState(0);
  const keys = useKeysOf(project, isOpen);
  const panel = usePanel(isOpen);
  const start = panel?.wordStart(text, caret) ?? 0;
  const word = text.slice(start, caret);
  const choices = isOpen && keys && panel ? panel.choicesFor(word, keys).slice(0, isShort ? (word ? FEW : 0) : undefined) : [];
  const look = () => setCaret(input.current?.selectionStart ?? 0);
  const choose = (choice: Choice) => {
    const place = start + choice.text.length;
    setText(text.slice(0, start) + choice.text + text.slice(caret));
    setAt(-1);
    setOpen(choice.text.endsWith(":")); // its values come next
    setCaret(place);
    requestAnimationFrame(() => input.current?.setSelectionRange(place, place));
  };
  /** Whether the key was one for the list. */
  const onKeyDown = (event: KeyboardEvent): boolean => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const chosen = choices[at];
    if (by && choices.length) setAt(((at + by + 1 + choices.length + 1) % (choices.length + 1)) - 1);
    else if (chosen && (event.key === "Enter" || event.key === "Tab")) choose(chosen);
    else return false;
    return true;
  };
  const open = () => (setOpen(true), setAt(-1), look());
  return { choices, at, isOpen, open, close: () => setOpen(false), look, choose, onKeyDown };
}
