// Tests of the page's pure functions with Node.js's own runner; the last line is the sum.
//
//     node test/run.mjs            compiles src/ and test/, runs test/*.test.ts
//     node test/run.mjs --types    only checks the types of everything
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(web, "node_modules", "typescript", "bin", "tsc");

/** Runs the type checker; its complaints are shown. */
function compile(...options) {
    const done = spawnSync(process.execPath, [tsc, "-p", web, ...options], { stdio: "inherit" });
    if (done.status !== 0) {
        process.exit(1);
    }
}

function test(folder) {
    writeFileSync(join(folder, "package.json"), '{"type": "module"}\n');
    const files = readdirSync(join(folder, "test")).filter((name) => name.endsWith(".test.js"))
        .map((name) => join(folder, "test", name));
    const done = spawnSync(process.execPath, ["--test", "--test-reporter=tap", ...files],
        { encoding: "utf-8", env: { ...process.env, TZ: "America/New_York", WEB_FOLDER: web } });
    const count = (what) => Number(done.stdout.match(new RegExp(`^# ${what} (\\d+)$`, "m"))?.[1] ?? 0);
    const [passed, failed, skipped] = [count("pass"), count("fail"), count("skipped")];
    if (failed > 0 || passed === 0) {
        console.log(done.stdout, done.stderr);
    }
    for (const [, name] of done.stdout.matchAll(/^\s*not ok \d+ - (.*)$/gm)) {
        console.log(`[  FAILED  ] ${name.replace(/\W+/g, "_")}`);
    }
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return passed > 0 && failed === 0 && done.status === 0;
}

if (process.argv.includes("--types")) {
    compile("--noEmit");
} else {
    const folder = mkdtempSync(join(tmpdir(), "horizon-web-"));
    try {
        compile("--outDir", folder, "--rootDir", web, "--noEmit", "false", "--sourceMap", "false");
        process.exitCode = test(folder) ? 0 : 1;
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}
