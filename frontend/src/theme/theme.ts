/** Mantine's theme, tied to the tokens of `tokens.css`: neutral controls, one radius, no shadow but one. */
import {
  ActionIcon,
  Button,
  type CSSVariablesResolver,
  createTheme,
  Menu,
  Modal,
  MultiSelect,
  PasswordInput,
  Select,
  Textarea,
  TextInput,
  Tooltip,
} from "@mantine/core";

const ink = [
  "#f5f6f8",
  "#eef0f3",
  "#dce0e5",
  "#b9c1cb",
  "#8c95a1",
  "#626d7a",
  "#47515d",
  "#343e4a",
  "#222b36",
  "#161b21",
] as const;

/** Mantine's dark greys: text, borders, fields, page. */
const dark = [
  "#e3e8ed",
  "#aeb8c3",
  "#8995a3",
  "#6c7784",
  "#434d5a",
  "#272e37",
  "#1a1f26",
  "#14181d",
  "#0e1115",
  "#0a0c0f",
] as const;

/** A filled button is ink, in both themes. */
const inked = {
  "--button-bg": "var(--hw-ink)",
  "--button-hover": "var(--hw-text-2)",
  "--button-color": "var(--hw-ink-text)",
};

const compact = { size: "xs" as const };

export const theme = createTheme({
  fontFamily: "var(--hw-font)",
  fontFamilyMonospace: "var(--hw-mono)",
  primaryColor: "ink",
  primaryShade: { light: 8, dark: 2 },
  colors: { ink: [...ink], dark: [...dark] },
  autoContrast: true,
  defaultRadius: 4,
  respectReducedMotion: true,
  fontSizes: { xs: "12px", sm: "13px", md: "13px", lg: "15px", xl: "18px" },
  shadows: { md: "var(--hw-elevation)", lg: "var(--hw-elevation)", xl: "var(--hw-elevation)" },
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", size: 28 } }),
    Button: Button.extend({
      defaultProps: { size: "xs", variant: "default" },
      styles: { label: { fontWeight: 500 } },
      vars: (_theme, props) => ({ root: props.variant === "filled" ? inked : {} }),
    }),
    TextInput: TextInput.extend({ defaultProps: compact }),
    PasswordInput: PasswordInput.extend({ defaultProps: { size: "sm" } }),
    Textarea: Textarea.extend({ defaultProps: compact }),
    Select: Select.extend({ defaultProps: { ...compact, comboboxProps: { shadow: "md" } } }),
    MultiSelect: MultiSelect.extend({ defaultProps: { ...compact, comboboxProps: { shadow: "md" } } }),
    Menu: Menu.extend({ defaultProps: { shadow: "md", transitionProps: { duration: 80 } } }),
    Modal: Modal.extend({
      // Locking writes a style element, which the content security policy refuses; the page itself does not scroll.
      defaultProps: { lockScroll: false, transitionProps: { duration: 80 }, shadow: "md" },
    }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 300, transitionProps: { duration: 80 }, multiline: true, maw: 420 },
    }),
  },
});

/** Mantine's own variables follow the tokens, so that its controls and our marks are one page. */
export const variables: CSSVariablesResolver = () => {
  const shared = {
    "--mantine-color-body": "var(--hw-surface)",
    "--mantine-color-text": "var(--hw-text)",
    "--mantine-color-dimmed": "var(--hw-text-3)",
    "--mantine-color-placeholder": "var(--hw-text-3)",
    "--mantine-color-default": "var(--hw-surface)",
    "--mantine-color-default-hover": "var(--hw-hover)",
    "--mantine-color-default-color": "var(--hw-text)",
    "--mantine-color-default-border": "var(--hw-line-strong)",
    "--mantine-color-error": "var(--hw-high)",
  };
  return { variables: {}, light: shared, dark: shared };
};
