/** Entry: the theme, then the app. */
import "@mantine/core/styles.css";
import "./theme/tokens.css";
import "./theme/base.css";
import { MantineProvider } from "@mantine/core";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { adoptVariables } from "./theme/adopt";
import { theme } from "./theme/theme";

adoptVariables();

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
        deduplicateInlineStyles={false}
      >
        <App />
      </MantineProvider>
    </StrictMode>,
  );
}
