import { defineConfig } from "vitest/config";

// The pages are rendered by the web service, which finds the hashed file names
// in `.vite/manifest.json`. There is no index.html and no inline script, so
// that a strict Content-Security-Policy holds.
export default defineConfig({
  // Tests read style sheets, which are empty for them otherwise.
  test: { css: true },
  // Style sheets find their fonts beside themselves, whatever the base path of the installation is.
  base: "./",
  build: {
    outDir: "../src/runtail_web/static",
    // The folder lies outside this one, so that Vite would not empty it unasked.
    emptyOutDir: true,
    manifest: true,
    // Inlined assets become data: URLs, which the policy refuses.
    assetsInlineLimit: 0,
    // The polyfill would be an extra script, and every supported browser has it.
    modulePreload: { polyfill: false },
    target: "es2022",
    // Those that know light-dark() and nesting, so that nothing is written in older words.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    rolldownOptions: {
      input: [
        ...["list", "log", "other"].map((name) => `src/entries/${name}.tsx`),
        "src/loading.ts",
        "src/design/plain.css",
      ],
      output: {
        entryFileNames: ({ name }) =>
          name === "loading" ? "[name].js" : "assets/[name]-[hash].js",
      },
    },
  },
});
