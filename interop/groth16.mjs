// snarkjs, as one function for each thing that Eligo's files are tried with.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import * as snarkjs from "snarkjs";

const NAMES = ["verification_key.json", "public.json", "proof.json"];

async function json(file) {
  return JSON.parse(await readFile(file, "utf8"));
}

/** Verifies the three files of a folder; the key may lie in another. */
export async function verify(folder, keyFolder = folder) {
  const [key, inputs, proof] = await Promise.all(
    NAMES.map((name, i) => json(path.join(i === 0 ? keyFolder : folder, name))),
  );
  return snarkjs.groth16.verify(key, inputs, proof);
}

/** Sizes of a `.r1cs` file. */
export async function r1csInfo(file) {
  const { nVars, nOutputs, nPubInputs, nPrvInputs, nConstraints, prime } =
    await snarkjs.r1cs.info(file);
  return { nVars, nOutputs, nPubInputs, nPrvInputs, nConstraints, prime: prime.toString() };
}

/** Powers of tau for up to 2^power constraints, prepared for the second phase. */
export async function powersOfTau(power, file, entropy) {
  const steps = [0, 1].map((i) => ({ type: "mem", data: undefined, step: i }));
  const curve = await snarkjs.curves.getCurveFromName("bn128");
  await snarkjs.powersOfTau.newAccumulator(curve, power, steps[0]);
  await snarkjs.powersOfTau.contribute(steps[0], steps[1], "eligo interop", entropy);
  await snarkjs.powersOfTau.preparePhase2(steps[1], file);
}

/** The least power of two with room for a circuit's constraints and public inputs. */
export function powerFor({ nConstraints, nOutputs, nPubInputs }) {
  return Math.ceil(Math.log2(nConstraints + nOutputs + nPubInputs + 1 + 1));
}

/**
 * A snarkjs set-up of a circuit: powers of tau and second phase with one contribution each, which
 * is enough for a test and for nothing else.
 */
export async function setup(r1cs, zkey, { ptau, entropy } = {}) {
  if (ptau === undefined) {
    ptau = { type: "mem" };
    await powersOfTau(powerFor(await snarkjs.r1cs.info(r1cs)), ptau, random(entropy, 1));
  }
  const initial = { type: "mem" };
  await snarkjs.zKey.newZKey(r1cs, ptau, initial);
  await snarkjs.zKey.contribute(initial, zkey, "eligo interop", random(entropy, 2));
  return snarkjs.zKey.exportVerificationKey(zkey);
}

/** Proves a witness; returns the contents of `proof.json` and `public.json`. */
export async function prove(zkey, witness) {
  const { proof, publicSignals } = await snarkjs.groth16.prove(zkey, witness);
  return { proof, publicSignals };
}

/** Writes the three files of a folder as snarkjs's command line does. */
export async function writeFolder(folder, key, publicSignals, proof) {
  for (const [i, content] of [key, publicSignals, proof].entries()) {
    await writeFile(path.join(folder, NAMES[i]), JSON.stringify(content, null, 1));
  }
}

function random(entropy, purpose) {
  return entropy === undefined ? crypto.randomUUID() : `${entropy}.${purpose}`;
}
