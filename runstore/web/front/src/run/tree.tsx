/** Nested values, such as a config: branches that open and close, and a search over names and values. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { said } from "../parts/words";
import { type Branch, branchOf, type Leaf, leafCount, matching } from "./branches";
import type { Tree, Value } from "./types";

const MOST_CHARACTERS = 240;
// A tree of more leaves than this begins with its inner branches closed.
const OPEN_LEAVES = 120;

interface TreeProps {
  title: string;
  tree: Tree;
  /** What is said where there is nothing. */
  nothing: ComponentChildren;
  /** Shows a value that is no plain one; undefined: as any other. */
  special?: (path: string, value: Value) => ComponentChildren | undefined;
}

export function TreePart({ title, tree, nothing, special }: TreeProps) {
  const [search, setSearch] = useState("");
  const all = branchOf(tree);
  const shown = search ? matching(all, search) : all;
  const leaves = leafCount(all);
  return (
    <section class="part" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span class="quiet">{search ? `${leafCount(shown).toLocaleString("en")} of ` : ""}{leaves ? leaves.toLocaleString("en") : ""}</span>
        {leaves > 3 && (
          <input
            type="search"
            placeholder={`Search ${title.toLowerCase()}`}
            aria-label={`Search ${title.toLowerCase()}`}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
      </header>
      {!leaves && <p class="quiet">{nothing}</p>}
      {leaves > 0 && !leafCount(shown) && <p class="quiet">Nothing has “{search}” in its name or value.</p>}
      <div class="tree">
        <Inside branch={shown} forced={search !== ""} open={leaves <= OPEN_LEAVES} special={special} />
      </div>
    </section>
  );
}

interface InsideProps {
  branch: Branch;
  forced: boolean;
  open: boolean;
  special: TreeProps["special"];
}

function Inside({ branch, ...how }: InsideProps) {
  return (
    <>
      {branch.leaves.length > 0 && (
        <dl>
          {branch.leaves.map((leaf) => (
            <div key={leaf.path}>
              <dt title={leaf.path}>{leaf.name}</dt>
              <dd>{how.special?.(leaf.path, leaf.value) ?? <Shown leaf={leaf} />}</dd>
            </div>
          ))}
        </dl>
      )}
      {branch.branches.map((below) => <Below key={below.path} branch={below} {...how} />)}
    </>
  );
}

function Below({ branch, ...how }: InsideProps) {
  const [open, setOpen] = useState(how.open);
  const isOpen = open || how.forced;
  return (
    <div class="below">
      <button type="button" class="plain" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
        {branch.name} {!isOpen && <span class="quiet">{leafCount(branch)}</span>}
      </button>
      {isOpen && <div class="inside"><Inside branch={branch} {...how} /></div>}
    </div>
  );
}

function Shown({ leaf: { value } }: { leaf: Leaf }) {
  const [whole, setWhole] = useState(false);
  const text = value === null ? "null" : value === "" ? '""' : said(value);
  const kind = value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
  if (text.length <= MOST_CHARACTERS) return <span class={`value ${kind}`} title={typeof value === "number" ? String(value) : undefined}>{text}</span>;
  return (
    <span class={`value ${kind}`}>
      {whole ? text : `${text.slice(0, MOST_CHARACTERS)}…`}{" "}
      <button type="button" class="more" onClick={() => setWhole(!whole)}>{whole ? "less" : `all ${text.length.toLocaleString("en")} characters`}</button>
    </span>
  );
}
