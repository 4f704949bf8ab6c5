/** What drops down from the filter box: completions of the word before the caret, and where the filter is wrong. */
import type { Choice } from "./completing";
import type { Wrong } from "./rows";
import "../style/filterpanel.css";

export { choicesFor, wordStart } from "./completing";

interface ChoicesProps {
  id: string;
  choices: readonly Choice[];
  /** Place of the one that is chosen, or -1. */
  at: number;
  onChoose: (choice: Choice) => void;
}

export function Choices({ id, choices, at, onChoose }: ChoicesProps) {
  return (
    <div id={id} role="listbox" aria-label="Completions">
      {choices.map((choice, place) => (
        <div
          key={choice.text} id={`${id}-${place}`} class="choice" role="option" aria-selected={place === at}
          ref={place === at ? intoView : null} onPointerDown={(event) => (event.preventDefault(), onChoose(choice))}
        >
          <code>{choice.text}</code><span>{choice.hint}</span>
        </div>
      ))}
    </div>
  );
}

function intoView(element: HTMLElement | null): void {
  element?.scrollIntoView({ block: "nearest" });
}

/** The filter with a mark where it is wrong; the server counts letters, and not UTF-16's halves of them. */
export function WrongFilter({ id, text, wrong }: { id: string; text: string; wrong: Wrong }) {
  const letters = [...text];
  return (
    <div class="wrong" id={id} role="alert">
      <pre>{letters.slice(0, wrong.column).join("")}<mark>{letters.slice(wrong.column).join("") || " "}</mark></pre>
      {wrong.sentence}
    </div>
  );
}
