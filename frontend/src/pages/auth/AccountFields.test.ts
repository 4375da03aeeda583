import { MantineProvider } from "@mantine/core";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test, vi } from "vitest";
import type { Agreements } from "./AccountFields";

async function drawn(policy: object, asked = false): Promise<string> {
  // The client of the API asks for the page's address as it is loaded.
  vi.stubGlobal("window", { location: { origin: "http://localhost" } });
  const { PolicyBoxes } = await import("./AccountFields");
  vi.unstubAllGlobals();
  const agreements = {
    policy,
    accepted: false,
    setAccepted: () => undefined,
    asked,
  } as unknown as Agreements;
  const box = createElement(PolicyBoxes, { wrong: () => undefined, agreements });
  return renderToStaticMarkup(createElement(MantineProvider, null, box));
}

test("nobody can tick a box before what it agrees to stands beside it", async () => {
  expect(await drawn({ isPending: true })).not.toContain("checkbox");
  const text = "I accept version 7 of the policy.";
  const shown = await drawn({ isPending: false, data: { consents: [{ purpose: "policy", text }] } });
  expect(shown).toContain("checkbox");
  expect(shown).toContain(text);
  const kept = "I agree that it stands in the European Union.";
  const both = [
    { purpose: "policy", text },
    { purpose: "transfer", text: kept },
  ];
  const apart = await drawn({ isPending: false, data: { consents: both } });
  expect(apart.match(/type="checkbox"/g)).toHaveLength(2);
  expect(apart).toContain(kept);
});

test("who goes on without ticking is told of every box at once", async () => {
  const consents = ["policy", "transfer"].map((purpose) => ({ purpose, text: `About the ${purpose}.` }));
  const told = [/tick the box to accept it/, /Agree to storage/];
  const quiet = await drawn({ data: { consents } });
  const asked = await drawn({ data: { consents } }, true);
  expect(told.map((words) => [words.test(quiet), words.test(asked)])).toEqual([
    [false, true],
    [false, true],
  ]);
});
