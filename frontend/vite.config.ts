/**
 * Build and development server. The bundle is offline: no CDN, no remote font, every asset below `/assets`.
 * `npm run dev` proxies the API to `HOPWATCH_URL` (default: the mock of `npm run mock`).
 */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const api = process.env.HOPWATCH_URL ?? "http://127.0.0.1:8787";

export default defineConfig({
  plugins: [react()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/graphql": { target: api, ws: true },
      "/reports": { target: api },
    },
  },
});
