/** Light, dark, or as the system has it. */
import { store } from "./store";

export type Theme = "system" | "light" | "dark";

const PLACE = "runstore-theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

const kept = localStorage.getItem(PLACE) as Theme | null;
export const theme = store<Theme>(kept && THEMES.includes(kept) ? kept : "system");

/** Grows whenever colours changed: what is drawn on a canvas is drawn anew then. */
export const paint = store(0);

/** Show the page in the theme that was chosen, from now on. */
export function followTheme(): void {
  const show = () => {
    if (theme.get() === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.get();
    paint.set(paint.get() + 1);
  };
  theme.watch((chosen) => {
    localStorage.setItem(PLACE, chosen);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

export function nextTheme(): Theme {
  const next = THEMES[(THEMES.indexOf(theme.get()) + 1) % THEMES.length] ?? "system";
  theme.set(next);
  return next;
}

/** The value of a colour of base.css, such as `--line`, as a canvas takes it. */
export function colorOf(variable: string, element: Element = document.documentElement): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${variable})`;
  element.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}
