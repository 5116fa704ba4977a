// A real Ethereum node for a test: anvil, spoken to over JSON-RPC.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { createRequire } from "node:module";

const WAIT_MS = 20_000;

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The program named by ANVIL, or the one the package brings for 64-bit Linux. */
function anvil() {
  return process.env.ANVIL ??
    createRequire(import.meta.url).resolve("@foundry-rs/anvil-linux-amd64/bin/anvil");
}

/** Runs `work` with a node whose clock starts at `timestamp`; the node ends with it. */
export async function withNode({ chainId, timestamp }, work) {
  const port = await freePort();
  const options = ["--port", port, "--chain-id", chainId, "--timestamp", timestamp, "--silent"];
  const child = spawn(anvil(), options.map(String), { stdio: "ignore" });
  try {
    const call = (method, ...params) => rpc(port, method, params);
    await ready(call, child);
    return await work(call);
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, "exit");
    }
  }
}

async function ready(call, child) {
  for (const started = Date.now(); Date.now() - started < WAIT_MS; ) {
    if (child.exitCode !== null) {
      break;
    }
    try {
      return await call("eth_chainId");
    } catch (error) {
      if (error.data !== undefined) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("anvil does not answer");
}

async function rpc(port, method, params) {
  const response = await fetch(`http://127.0.0.1:${port}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) {
    throw Object.assign(new Error(error.message), { data: error.data ?? "0x" });
  }
  return result;
}

/** Sends a transaction and returns its receipt. */
export async function send(call, transaction) {
  const hash = await call("eth_sendTransaction", { gas: "0x989680", ...transaction });
  // The node answers before the block is made.
  for (const started = Date.now(); Date.now() - started < WAIT_MS; ) {
    const receipt = await call("eth_getTransactionReceipt", hash);
    if (receipt) {
      return receipt;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("anvil mined no receipt");
}
