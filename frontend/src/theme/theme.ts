import {
  createTheme,
  type MantineColorScheme,
  type MantineColorSchemeManager,
  type MantineColorsTuple,
} from "@mantine/core";

const gray: MantineColorsTuple = [
  "#f8f9fa",
  "#f1f2f4",
  "#e6e8eb",
  "#d8dbe0",
  "#c3c8cf",
  "#868e99",
  "#5c6470",
  "#474e58",
  "#2f353d",
  "#1b1f24",
];

const dark: MantineColorsTuple = [
  "#dfe3e8",
  "#c4cad2",
  "#9ea6b1",
  "#858d99",
  "#3a4048",
  "#2c3138",
  "#1e2227",
  "#15181b",
  "#101214",
  "#0b0c0e",
];

const accent: MantineColorsTuple = [
  "#effaf8",
  "#cff1ec",
  "#9fe3da",
  "#66cfc3",
  "#3ab8aa",
  "#1b9d90",
  "#128377",
  "#0f766e",
  "#115e59",
  "#134e4a",
];

/** The look of every page. `variables.css` is written from it (see variables.test.ts), because the content security
 * policy forbids the style element that Mantine would put in at run time. */
export const theme = createTheme({
  colors: { gray, dark, accent },
  primaryColor: "accent",
  primaryShade: 7,
  white: "#ffffff",
  black: "#1b1f24",
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, monospace",
  headings: { fontFamily: '"Inter Variable", system-ui, sans-serif', fontWeight: "620" },
  fontSizes: { xs: "0.75rem", sm: "0.875rem", md: "0.9375rem", lg: "1.125rem", xl: "1.5rem" },
  defaultRadius: "sm",
  radius: { xs: "3px", sm: "6px", md: "8px", lg: "12px", xl: "20px" },
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    // Locking the scroll would inject a style element, which the policy forbids.
    ModalRoot: { defaultProps: { lockScroll: false, transitionProps: { duration: 120 } } },
    DrawerRoot: { defaultProps: { lockScroll: false, transitionProps: { duration: 120 } } },
    Skeleton: { defaultProps: { radius: "sm" } },
  },
});

/** Follows the system and stores nothing in the browser. */
export const systemColorScheme: MantineColorSchemeManager = {
  get: (fallback: MantineColorScheme) => fallback,
  set: () => undefined,
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  clear: () => undefined,
};
