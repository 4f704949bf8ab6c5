/** What the filter box offers while one types: keys of the project, and values of a key that has few. */

export interface KeysOf {
  keys: string[];
  runs: number[];
  numbers: boolean[];
  values: string[][];
}

/** As the server has it: what a project's runs can be asked for. */
export interface ProjectKeys {
  fields: string[];
  /** Other names of fields. */
  short: Record<string, string>;
  states: string[];
  tags: string[];
  config: KeysOf;
  summary: KeysOf;
}

export interface Choice {
  /** What replaces the word. */
  text: string;
  hint: string;
}

const MOST = 40;
const NEEDS_QUOTES = /[\s()<>=!:"']|^[/-]|^(and|or|not)$|^$/i;
const OPERATOR = /^((?:"[^"]*"|[^\s()<>=!:"'])+)(:|<=|>=|!=|==|[<>=])(.*)$/s;
const WITH_COLON = new Set(["state", "tag", "tags", "project", "group", "job_type", "host", "program", "sweep", "entity"]);

/** Where the word before the caret begins: after the last space or parenthesis outside of quotation marks. */
export function wordStart(text: string, caret: number): number {
  let start = 0;
  let quote = "";
  for (let at = 0; at < caret; at++) {
    const letter = text[at] ?? "";
    if (quote) quote = letter === quote ? "" : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if (/[\s()]/.test(letter)) start = at + 1;
  }
  return text[start] === "-" && start < caret ? start + 1 : start;
}

export function quoted(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replace(/[\\"]/g, "\\$&")}"` : text;
}

/** What the word may become: those that begin so first, then those that contain it. */
export function choicesFor(word: string, known: ProjectKeys): Choice[] {
  const typed = OPERATOR.exec(word);
  if (typed?.[1] && typed[2]) return ranked(typed[3] ?? "", valuesOf(unquoted(typed[1]), known)).map((one) => ({ ...one, text: `${typed[1]}${typed[2]}${one.text}` }));
  return ranked(word, keysOf(known));
}

function keysOf(known: ProjectKeys): Choice[] {
  const own = (part: "config" | "summary") =>
    known[part].keys.map((key, at) => ({
      text: quoted(key) + (known[part].numbers[at] ? "" : ":"),
      hint: part === "config" ? "config" : "summary",
    }));
  const fields = [...known.fields, ...Object.keys(known.short)].map((name) => ({ text: WITH_COLON.has(name) ? `${name}:` : name, hint: "run" }));
  return [...own("config"), ...own("summary"), ...fields, { text: "has:", hint: "has a value" }];
}

function valuesOf(key: string, known: ProjectKeys): Choice[] {
  const values = (texts: readonly string[], hint: string) => texts.map((text) => ({ text: quoted(text), hint }));
  if (key === "state") return values(known.states, "state");
  if (key === "tag" || key === "tags") return values(known.tags, "tag");
  if (key === "has") return [...known.config.keys, ...known.summary.keys].map((one) => ({ text: quoted(one), hint: "key" }));
  return (["config", "summary"] as const).flatMap((part) => {
    const at = known[part].keys.indexOf(key.replace(`${part}.`, ""));
    return at < 0 ? [] : values(known[part].values[at] ?? [], part);
  });
}

function ranked(word: string, all: readonly Choice[]): Choice[] {
  const wanted = unquoted(word).toLowerCase();
  const seen = new Set<string>();
  const fits = (one: Choice, begins: boolean) => {
    const at = unquoted(one.text).toLowerCase().indexOf(wanted);
    return begins ? at === 0 : at > 0;
  };
  const found = [...all.filter((one) => fits(one, true)), ...all.filter((one) => fits(one, false))];
  return found.filter((one) => one.text !== word && !seen.has(one.text) && seen.add(one.text)).slice(0, MOST);
}

function unquoted(text: string): string {
  return text.replace(/^["']|["']$/g, "");
}
