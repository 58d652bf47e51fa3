/** Starts the application: styles, providers, router. */
import "@mantine/core/styles.layer.css";
import "./app/theme.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createQueryClient } from "./app/queryClient";
import { createAppRouter } from "./app/router";
import { followSessionEnd } from "./app/sessionEnd";
import { cssVariablesResolver, theme } from "./app/theme";

const queryClient = createQueryClient();
const router = createAppRouter(queryClient);
followSessionEnd(router, queryClient);

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariablesResolver} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
