import "@fontsource-variable/inter/wght.css";
import "./theme/mantine.css";
import "./theme/base.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { takeOneClick } from "./app/oneClick";
import { queryClient } from "./app/queryClient";
import { router } from "./app/router";
import { systemColorScheme, theme } from "./theme/theme";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

takeOneClick(document);
createRoot(root).render(
  // The style elements of the provider are left out: variables.css holds the same, and the policy forbids them.
  <MantineProvider
    theme={theme}
    defaultColorScheme="auto"
    colorSchemeManager={systemColorScheme}
    withCssVariables={false}
    withGlobalClasses={false}
  >
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </MantineProvider>,
);
