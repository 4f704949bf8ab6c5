/** What goes with the file of any media: its caption, a download, and what is said where it is gone. */
import { size } from "../parts/words";
import { address, GONE } from "./bytes";
import type { Item } from "./types";

export function Caption({ item }: { item: Item }) {
  return item.caption ? <figcaption title={item.caption}>{item.caption}</figcaption> : null;
}

export function Download({ item }: { item: Item }) {
  if (!item.download) return null;
  return <a class="media-download" href={address(item.download)} download>{item.name}{item.size ? ` (${size(item.size)})` : ""}</a>;
}

export function Gone({ item }: { item: Item }) {
  return <p class="media-gone quiet">{item.name || "The file"} {GONE}</p>;
}

/** How many of a long list are not shown. */
export function Rest({ shown, count }: { shown: number; count: number }) {
  return count > shown ? <p class="quiet">{shown} of {count.toLocaleString("en")} shown</p> : null;
}
