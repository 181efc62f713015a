// How the page is built: one script, one style sheet, names with a hash of the content. Nothing is
// inlined (data: addresses and inline modules would need holes in the Content-Security-Policy).
import { defineConfig } from "vite";

const horizon = process.env["HORIZON_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
    base: "/",
    build: {
        target: "es2022",
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        cssCodeSplit: false,
        reportCompressedSize: false,
    },
    // `npm run dev`: the page from source, the data from a horizon that runs elsewhere.
    server: { host: "127.0.0.1", proxy: { "/api": horizon } },
});
