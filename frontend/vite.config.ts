import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const backend = "http://localhost:8000";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // Older targets make the build rewrite light-dark() into something that needs `color-scheme` in plain sight.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The content security policy allows no data: fonts, and a preload polyfill is dead weight in browsers of today.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: true,
  },
  server: {
    port: 5173,
    proxy: { "/api": backend },
  },
});
