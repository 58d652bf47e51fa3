/**
 * The look of Backline in one place: a warm paper page by day, a dark stage by night, a deep
 * green as the working colour and a lamp's amber for the mark. Tokens only; components take their
 * colours from here and from `theme.css`.
 *
 * Promises: text meets WCAG AA (4.5:1) in both schemes. The numbers behind that: body text, dimmed
 * text, links, filled buttons and badges are checked by axe on every page in both schemes.
 */
import {
  type CSSVariablesResolver,
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from "@mantine/core";

const stage: MantineColorsTuple = [
  "#e9f6f3",
  "#d0ebe5",
  "#a3d8cd",
  "#72c4b4",
  "#4bb3a0",
  "#2a9d89",
  "#178672",
  "#0d6b5e",
  "#0b544b",
  "#093f39",
];

const amber: MantineColorsTuple = [
  "#fff6e2",
  "#feeac0",
  "#fcd88a",
  "#f6b73c",
  "#e5a01f",
  "#c98509",
  "#a66b00",
  "#855400",
  "#684100",
  "#4a2e00",
];

const red: MantineColorsTuple = [
  "#fdeeec",
  "#fbdcd8",
  "#f7bab3",
  "#f2938a",
  "#ee7166",
  "#e04d41",
  "#cf3528",
  "#b42318",
  "#961d14",
  "#7d1710",
];

const green: MantineColorsTuple = [
  "#e9f7ec",
  "#d2eed8",
  "#a9deb5",
  "#7bcb8d",
  "#55b96c",
  "#38a352",
  "#278a40",
  "#1f7535",
  "#1b652e",
  "#155425",
];

/** Neutral greys of dark pages: 0 is text, 7 the page, 6 a raised surface. */
const dark: MantineColorsTuple = [
  "#dfe3e2",
  "#c2c9c7",
  "#a3aeab",
  "#7d8a87",
  "#3a4644",
  "#2a3533",
  "#1d2625",
  "#141b1a",
  "#0e1413",
  "#090d0c",
];

/** The colours a component may ask for by name; each gets AA text on its tint. */
const TINTED = ["stage", "amber", "red", "green", "blue", "gray"] as const;
const SHADES = {
  light: { text: 9, filled: 7 },
  dark: { text: 2, filled: 4 },
} as const;

/** Filled buttons are deep with white words by day, bright with dark words by night. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  return input.variant === "filled" ? { ...colors, color: "var(--app-on-filled)" } : colors;
};

export const theme = createTheme({
  colors: { stage, amber, red, green, dark },
  primaryColor: "stage",
  primaryShade: { light: 7, dark: 4 },
  variantColorResolver,
  black: "#17211f",
  fontFamily:
    'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace',
  headings: {
    fontWeight: "680",
    textWrap: "balance",
    sizes: {
      h1: { fontSize: "1.75rem", lineHeight: "1.2" },
      h2: { fontSize: "1.25rem", lineHeight: "1.3" },
      h3: { fontSize: "1.05rem", lineHeight: "1.4" },
    },
  },
  radius: { md: "10px" },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.5, blur: 2 } } },
  },
});

export const cssVariablesResolver: CSSVariablesResolver = (resolved) => {
  const namedColors = (scheme: "light" | "dark") =>
    Object.fromEntries(
      TINTED.flatMap((name) => {
        const shades = resolved.colors[name] as MantineColorsTuple;
        const { text, filled } = SHADES[scheme];
        return [
          [`--mantine-color-${name}-light-color`, shades[text]],
          [`--mantine-color-${name}-filled`, shades[filled]],
          ...(scheme === "dark"
            ? [[`--mantine-color-${name}-light`, `color-mix(in srgb, ${shades[4]} 16%, transparent)`]]
            : []),
        ];
      }),
    );

  return {
    variables: { "--app-brand": "#f6b73c" },
    light: {
      "--mantine-color-body": "#faf9f5",
      "--mantine-color-dimmed": "#55625f",
      "--mantine-color-placeholder": "#66726f",
      "--mantine-color-error": "#b42318",
      "--mantine-color-default-border": "#d5d9d3",
      "--app-on-filled": "#ffffff",
      "--app-surface": "#ffffff",
      "--app-header": "#0b3b3a",
      "--app-line": "#e4e5de",
      ...namedColors("light"),
    },
    dark: {
      "--mantine-color-dimmed": "#a3aeab",
      "--mantine-color-placeholder": "#8f9b98",
      "--mantine-color-error": "#ff9a8f",
      "--mantine-color-anchor": "#72c4b4",
      "--app-on-filled": "#0b1413",
      "--app-surface": "#1a2322",
      "--app-header": "#0b1413",
      "--app-line": "#2a3533",
      ...namedColors("dark"),
    },
  };
};
