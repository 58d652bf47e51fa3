/**
 * The real server program, started with an empty data directory on a free port.
 *
 * Promises: it answers when `startServer` returns, what it printed is kept in `e2e-results`, and
 * `stop` ends exactly this process and removes its data.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const WEB = path.resolve(import.meta.dirname, "../..");
const BINARY = process.env.BACKLINE_BINARY ?? path.join(WEB, "../target/debug/backline");
export const RESULTS = path.join(WEB, "e2e-results");

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const POLL_MS = 100;

export interface Server {
  url: string;
  /** The data directory. */
  data: string;
  /** The port of the embedded broker, where one was wanted. */
  brokerPort: number | null;
  /** Everything printed so far. */
  output: () => string;
  /** The token of the link at which the first administrator is made. */
  setupToken: () => Promise<string>;
  stop: () => Promise<void>;
}

/** The address everything is at unless a journey wants another name for this machine. */
export const HOST = "127.0.0.1";

/**
 * Starts a server; `name` tells its log in `e2e-results` from the others, `host` is what browsers are to
 * call this machine. The embedded broker runs where a journey wants one.
 */
export async function startServer(name: string, host = HOST, hasBroker = false): Promise<Server> {
  const port = await findFreePort();
  const brokerPort = hasBroker ? await findFreePort() : null;
  const url = `http://${host}:${port}`;
  const data = mkdtempSync(path.join(tmpdir(), "backline-e2e-"));
  mkdirSync(RESULTS, { recursive: true });
  const logPath = path.join(RESULTS, `server-${name}-${port}.log`);

  const log = openSync(logPath, "w");
  const program = spawn(BINARY, ["serve", "--data", data, "--listen", `${HOST}:${port}`], {
    stdio: ["ignore", log, log],
    env: {
      ...process.env,
      // Several run at once on one machine, and nobody here speaks gRPC.
      BACKLINE_NODE__GRPC_LISTEN: "",
      BACKLINE_BROKER__LISTEN: brokerPort === null ? "" : `${HOST}:${brokerPort}`,
      ...(host === HOST ? {} : { BACKLINE_NODE__PUBLIC_URL: url }),
    },
  });
  closeSync(log);
  const failure = new Promise<never>((_, reject) => {
    program.once("error", (cause) => reject(new Error(`${BINARY} could not be started`, { cause })));
    program.once("exit", (code, signal) =>
      reject(new Error(`the server ended by itself (${code ?? signal}), see ${logPath}`)),
    );
  });
  // An end that was asked for rejects as well, and nobody waits for it then.
  failure.catch(() => {});

  const output = () => readFileSync(logPath, "utf8");
  const stop = async () => {
    await end(program);
    rmSync(data, { recursive: true, force: true });
  };

  try {
    await Promise.race([waitUntil(() => isReady(url), `${url}/ready answers`), failure]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, data, brokerPort, output, stop, setupToken: () => readSetupToken(output) };
}

async function readSetupToken(output: () => string): Promise<string> {
  let token: string | undefined;
  await waitUntil(() => {
    token = output().match(/\/setup\?token=([\w.~%-]+)/)?.[1];
    return token !== undefined;
  }, "the server prints the link to its setup page");
  return decodeURIComponent(token ?? "");
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/ready`).catch(() => null);
  return response?.ok ?? false;
}

/** Waits for something that is only a matter of time. */
export async function waitUntil(isTrue: () => boolean | Promise<boolean>, what: string) {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited ${READY_WITHIN_MS} ms in vain: ${what}`);
    await sleep(POLL_MS);
  }
}

async function end(program: ChildProcess) {
  if (program.pid === undefined || program.exitCode !== null || program.signalCode !== null) return;
  const ended = new Promise((resolve) => program.once("exit", resolve));
  program.kill("SIGTERM");
  const isEnded = await Promise.race([ended.then(() => true), sleep(STOP_WITHIN_MS, false)]);
  if (isEnded) return;
  program.kill("SIGKILL");
  await ended;
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
