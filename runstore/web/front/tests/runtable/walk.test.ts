import { afterEach, beforeEach, expect, test } from "vitest";
import { step } from "../../src/runtable/walk";

let box: HTMLElement;
const at = () => document.activeElement?.textContent;

beforeEach(() => {
  box = document.createElement("div");
  const lines = ["a", "b", "c"].map((name) => `<tr aria-rowindex="2"><th><button class="switch">${name} line</button><a href="${name}">${name}</a></th></tr>`);
  box.innerHTML = `<table><thead><tr aria-rowindex="1"><th><button>head</button></th></tr></thead><tbody>${lines.join("")}</tbody></table>`;
  document.body.append(box);
});
afterEach(() => box.remove());

test("the first step leads to the first run, others to the next and the one before", () => {
  step(box, 1);
  expect(at()).toBe("a");
  step(box, 1);
  step(box, 1);
  expect(at()).toBe("c");
  step(box, -1);
  expect(at()).toBe("b");
});

test("at the end the focus stays", () => {
  for (let turn = 0; turn < 5; turn++) step(box, 1);
  expect(at()).toBe("c");
});

test("a step begins where the focus is, or else under the pointer", () => {
  box.querySelector<HTMLElement>("tbody tr:nth-child(2) button")?.focus();
  step(box, 1);
  expect(at()).toBe("c");
  (document.activeElement as HTMLElement).blur();
  box.querySelector("tbody tr")?.classList.add("hovered");
  step(box, 1);
  expect(at()).toBe("b");
});
