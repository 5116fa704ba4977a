// npm run verify -- DIR [KEYDIR]
// npm run r1cs-info -- FILE
// npm run setup -- FILE.r1cs OUT.zkey [KEY.json]
// npm run prove -- FILE.zkey FILE.wtns OUTDIR
// npm run fixture                               makes fixtures/vk/snarkjs anew
// npm run solc                                  makes fixtures/evm/bytecode.json anew

import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { prove, r1csInfo, setup, verify, writeFolder } from "./groth16.mjs";
import { BYTECODE, bytecode } from "./solidity.mjs";
import { toyR1cs, toyWitness } from "./toy.mjs";

const commands = {
  async verify(folder, keyFolder) {
    const valid = await verify(folder, keyFolder);
    console.log(valid ? "valid" : "INVALID");
    return valid ? 0 : 5;
  },

  async "r1cs-info"(file) {
    console.log(JSON.stringify(await r1csInfo(file)));
    return 0;
  },

  async setup(r1cs, zkey, keyFile) {
    const started = performance.now();
    const key = await setup(r1cs, zkey);
    if (keyFile !== undefined) {
      await writeFile(keyFile, JSON.stringify(key, null, 1));
    }
    console.log(`${zkey} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return 0;
  },

  async prove(zkey, witness, folder) {
    const { proof, publicSignals } = await prove(zkey, witness);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "proof.json"), JSON.stringify(proof, null, 1));
    await writeFile(path.join(folder, "public.json"), JSON.stringify(publicSignals, null, 1));
    return 0;
  },

  async fixture() {
    const folder = fileURLToPath(new URL("../fixtures/vk/snarkjs", import.meta.url));
    await mkdir(folder, { recursive: true });
    const zkey = { type: "mem" };
    const key = await setup(new Uint8Array(toyR1cs(6)), zkey);
    const factors = Array.from({ length: 6 }, (_, i) => [BigInt(i + 2), BigInt(1000 + i)]);
    const { proof, publicSignals } = await prove(zkey, new Uint8Array(toyWitness(factors)));
    await writeFolder(folder, key, publicSignals, proof);
    return 0;
  },

  async solc() {
    await writeFile(BYTECODE, await bytecode());
    return 0;
  },
};

const [name, ...rest] = process.argv.slice(2);
if (!(name in commands)) {
  console.error(`usage: run.mjs ${Object.keys(commands).join("|")} ...`);
  process.exit(2);
}
try {
  // snarkjs keeps worker threads alive, so the process has to be ended.
  process.exit(await commands[name](...rest));
} catch (error) {
  console.error(error.message);
  process.exit(3);
}
