import {
  convertCssVariables,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  mergeMantineTheme,
} from "@mantine/core";
import { expect, test } from "vitest";
import { theme } from "./theme";

type Variables = Record<string, string>;

function beyond(ours: Variables, defaults: Variables): Variables {
  return Object.fromEntries(Object.entries(ours).filter(([name, value]) => defaults[name] !== value));
}

test("variables.css holds what the theme changes of Mantine's variables (vitest -u writes it)", async () => {
  const ours = defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme));
  const defaults = defaultCssVariablesResolver(DEFAULT_THEME);
  const css = convertCssVariables(
    {
      variables: beyond(ours.variables, defaults.variables),
      light: beyond(ours.light, defaults.light),
      dark: beyond(ours.dark, defaults.dark),
    },
    ":root",
  );
  const lines = css
    .replaceAll("{", " {\n")
    .replaceAll("}", "\n}\n")
    .replaceAll(/;(?=\s*--)/g, ";\n")
    .replaceAll(/^\s*(?=--)/gm, "  ");
  await expect(`/* Written from theme.ts by variables.test.ts. */\n${lines}`).toMatchFileSnapshot(
    "variables.css",
  );
});
