/**
 * Mantine's variables as a constructed style sheet. Mantine itself writes a `<style>` element, which the server's
 * content security policy (`default-src 'self'`, nothing inline) refuses; a constructed sheet is not inline.
 */
import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from "@mantine/core";
import { theme, variables } from "./theme";

export function adoptVariables(): void {
  const merged = mergeMantineTheme(DEFAULT_THEME, theme);
  const base = defaultCssVariablesResolver(merged);
  const own = variables(merged);
  const text = convertCssVariables(
    {
      variables: { ...base.variables, ...own.variables },
      light: { ...base.light, ...own.light },
      dark: { ...base.dark, ...own.dark },
    },
    ":root",
  );
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets.push(sheet);
}
