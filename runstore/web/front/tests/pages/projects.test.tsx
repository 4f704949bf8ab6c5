import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test, vi } from "vitest";
import Projects from "../../src/pages/projects";

let kind = "source";
vi.mock("../../src/shell/api", async (original) => ({
  ...(await original<object>()),
  get: async (path: string) => (path === "sync" ? { kind } : []),
}));

const root = document.createElement("div");
afterEach(() => render(null, root));

async function shown(): Promise<string> {
  await act(() => render(<Projects />, root));
  for (let turn = 0; turn < 3; turn++) await act(() => new Promise<void>((done) => setTimeout(done)));
  return root.textContent ?? "";
}

test("with no runs three lines say how to log one", async () => {
  kind = "source";
  expect(await shown()).toContain('runstore.init(project="first")');
});

test("a hub without runs says how to deliver some", async () => {
  kind = "hub";
  const text = await shown();
  expect(text).toContain("runstore remote add");
  expect(text).not.toContain("runstore.init");
});
