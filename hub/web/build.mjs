// Bundles src/ into OUT (default: the folder the hub serves), with names that change with the content,
// so that browsers may keep them for ever. Nothing is fetched at run time: see the content security policy
// in falcon_hub/web/assets.py.
import { mkdirSync, readFileSync, rmSync, writeFileSync, copyFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.env.OUT ?? join(here, "../falcon_hub/web/static");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const result = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  outdir: out,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  // light-dark() and <dialog> need browsers of 2024 or newer in any case.
  target: ["chrome123", "firefox128", "safari17.5"],
  jsx: "automatic",
  jsxImportSource: "preact",
  // The virtualizer is written for React; Preact answers to its name.
  alias: { react: "preact/compat", "react-dom": "preact/compat" },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const built = Object.keys(result.metafile.outputs).map((path) => basename(path));
const page = readFileSync(join(here, "src/index.html"), "utf8")
  .replace("app.js", built.find((name) => name.endsWith(".js")))
  .replace("app.css", built.find((name) => name.endsWith(".css")));
writeFileSync(join(out, "index.html"), page);
copyFileSync(join(here, "src/icon.svg"), join(out, "icon.svg"));
