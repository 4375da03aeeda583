import { describe, expect, it } from "vitest";
import { failureOf, failureWords, microphoneFailure, warningWords } from "./words";

describe("warnings", () => {
  it("are said in words, each once, and unknown ones not at all", () => {
    expect(
      warningWords(["high-rtt", "high-packet-loss", "high-packets-lost-fraction", "constant-moon"]),
    ).toEqual([
      "The connection is slow: you hear each other late. Let the other finish.",
      "The connection loses sound: words may be missing on both sides.",
    ]);
  });
});

describe("errors of the carrier", () => {
  it.each([
    [31401, "nothing", "microphone_refused"],
    [31402, "nothing", "microphone_busy"],
    [20101, "nothing", "not_let_in"],
    [20104, "nothing", "not_let_in"],
    [31005, "nothing", "unreachable"],
    [31009, "nothing", "unreachable"],
    [53000, "nothing", "unreachable"],
    [53405, "nothing", "media_failed"],
    [53405, "carrier", "media_failed"],
    [53405, "sound", "lost"],
    [31005, "carrier", "lost"],
    [31005, "sound", "lost"],
    [undefined, "nothing", "unreachable"],
  ] as const)("%s, with %s reached, is %s", (code, reached, why) => {
    expect(failureOf(code, reached)).toBe(why);
  });

  it("promise that nothing was charged where nobody was dialled", () => {
    for (const why of ["unreachable", "not_let_in", "turned_away"] as const) {
      expect(failureWords(why).detail).toContain("Nothing was charged");
    }
    expect(failureWords("media_failed").detail).not.toContain("Nothing was charged");
  });
});

describe("a microphone that does not open", () => {
  it.each([
    ["NotAllowedError", "microphone_refused"],
    ["NotFoundError", "microphone_missing"],
    ["NotReadableError", "microphone_busy"],
  ])("%s is %s", (name, why) => {
    expect(microphoneFailure(Object.assign(new Error(), { name }))).toBe(why);
  });
});
