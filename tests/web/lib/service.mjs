// horizon itself, started and ended by a test, on the database of the run.
import { spawn } from "node:child_process";
import { once } from "node:events";

const ADDRESS = /listening on (\S+) port (\d+)/;

export class Service {
    constructor(environment = {}) {
        this.environment = { ...process.env, HORIZON_HOST: "127.0.0.1", ...environment };
        this.log = "";
    }

    get url() {
        return `http://127.0.0.1:${this.port}/`;
    }

    /** Starts it, on the same port as before if there was one; comes back when it listens. */
    async start() {
        const env = { ...this.environment, PORT: String(this.port ?? 0) };
        this.process = spawn(process.env.HORIZON_BIN, ["serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
        const begin = this.log.length;
        const heard = new Promise((resolve, reject) => {
            for (const stream of [this.process.stdout, this.process.stderr]) {
                stream.on("data", (data) => {
                    this.log += data;
                    const found = this.log.slice(begin).match(ADDRESS);
                    if (found) {
                        resolve(Number(found[2]));
                    }
                });
            }
            this.process.once("exit", (code) => reject(new Error(`horizon ended with ${code}: ${this.log}`)));
        });
        this.port = await heard;
    }

    async stop() {
        if (this.process && this.process.exitCode === null && this.process.signalCode === null) {
            const end = once(this.process, "exit");
            this.process.kill("SIGTERM");
            await end;
        }
    }
}
