/**
 * How the browser application is built, served while developing, and tested.
 *
 * The build goes to `dist/`, which the server program takes in and serves from its own origin.
 * In development the API is the real server on its default address.
 */
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = "http://127.0.0.1:5000";

export default defineConfig({
  plugins: [
    tanstackRouter({
      target: "react",
      autoCodeSplitting: true,
      codeSplittingOptions: {
        // A route's loader travels with its page, so that the first page carries only its own. The
        // public pages opt out: there the data is asked for while the page's code is on its way.
        defaultBehavior: [["loader", "component"], ["errorComponent"], ["notFoundComponent"]],
      },
      generatedRouteTree: "src/routeTree.gen.ts",
      quoteStyle: "double",
      semicolons: true,
    }),
    react(),
  ],
  server: { proxy: { "/api": server, "/health": server } },
  // No inlined assets: the content security policy allows nothing but our own origin.
  build: { outDir: "dist", assetsInlineLimit: 0 },
  test: {
    environment: "happy-dom",
    setupFiles: ["./src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
  },
});
