// Compiles the Solidity that Eligo writes, with fixed settings, so that the same source gives the
// same bytes everywhere.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import solc from "solc";

const FIXTURES = new URL("../fixtures/evm/", import.meta.url);

export const SOURCE = fileURLToPath(new URL("EligibilityGate.sol", FIXTURES));
export const CLAIM = fileURLToPath(new URL("claim.json", FIXTURES));
export const BYTECODE = fileURLToPath(new URL("bytecode.json", FIXTURES));

const SETTINGS = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 1_000_000 },
  metadata: { appendCBOR: false, bytecodeHash: "none" },
};

/** Creation code of every contract in a source, by name, and the compiler that made it. */
export function compile(content) {
  const input = {
    language: "Solidity",
    sources: { "EligibilityGate.sol": { content } },
    settings: {
      ...SETTINGS,
      outputSelection: { "*": { "*": ["evm.bytecode.object", "evm.deployedBytecode.object", "evm.methodIdentifiers"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const problems = output.errors ?? [];
  if (problems.length > 0) {
    throw new Error(problems.map((p) => p.formattedMessage).join("\n"));
  }
  const contracts = Object.entries(output.contracts["EligibilityGate.sol"]);
  const size = (object) => object.length / 2;
  return {
    compiler: solc.version(),
    settings: SETTINGS,
    contracts: Object.fromEntries(
      contracts.map(([name, { evm }]) => [
        name,
        {
          runtimeBytes: size(evm.deployedBytecode.object),
          methods: evm.methodIdentifiers,
          creation: evm.bytecode.object,
        },
      ]),
    ),
  };
}

/** The text of `bytecode.json` for a source file. */
export async function bytecode(source = SOURCE) {
  return `${JSON.stringify(compile(await readFile(source, "utf8")), null, 1)}\n`;
}
