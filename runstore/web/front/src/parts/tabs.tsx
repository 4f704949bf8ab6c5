/** Links to the parts of one thing, of which one is shown. */
import type { ComponentChildren } from "preact";

export interface Tab {
  name: string;
  href: string;
  text: ComponentChildren;
}

export function Tabs({ tabs, current, label, kind = "subtabs" }: { tabs: readonly Tab[]; current: string; label: string; kind?: string }) {
  return (
    <nav class={kind} aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.name} class="plain" href={tab.href} aria-current={tab.name === current ? "page" : undefined}>{tab.text}</a>
      ))}
    </nav>
  );
}
