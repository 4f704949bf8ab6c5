/** A nested value as branches and leaves, and what of it a search leaves over. */
import { said } from "../parts/words";
import type { Tree, Value } from "./types";

export interface Leaf {
  name: string;
  /** The names of all above it and its own, with dots between. */
  path: string;
  value: Value;
}

export interface Branch {
  name: string;
  path: string;
  leaves: Leaf[];
  branches: Branch[];
}

/** `isLeaf` says which objects are values of their own, such as a logged picture. */
export function branchOf(tree: Tree, name = "", path = "", isLeaf: (value: Tree) => boolean = isMedia): Branch {
  const branch: Branch = { name, path, leaves: [], branches: [] };
  for (const [key, value] of Object.entries(tree)) {
    const below = path ? `${path}.${key}` : key;
    if (isTree(value) && Object.keys(value).length && !isLeaf(value)) branch.branches.push(branchOf(value, key, below, isLeaf));
    else branch.leaves.push({ name: key, path: below, value });
  }
  return branch;
}

/** What of a branch has all words of a search in its path or value, whatever the case. */
export function matching(branch: Branch, search: string): Branch {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (leaf: Leaf) => {
    const text = `${leaf.path} ${said(leaf.value)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const leaves = branch.leaves.filter(fits);
  const branches = branch.branches.map((below) => matching(below, search)).filter(leafCount);
  return { ...branch, leaves, branches };
}

export function leafCount(branch: Branch): number {
  return branch.branches.reduce((sum, below) => sum + leafCount(below), branch.leaves.length);
}

export function isTree(value: Value | undefined): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value stands for something that was logged as a file: a picture, a table. */
export function isMedia(value: Value): boolean {
  return isTree(value) && typeof value._type === "string";
}
