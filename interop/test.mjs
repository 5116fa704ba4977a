// What snarkjs says of Eligo's files, and that a set-up by snarkjs works on a circuit.
//
// ELIGO         the `eligo` program, whose demo's proofs are verified
// ELIGO_PROOFS  folders of proof.json, public.json, verification_key.json to verify (`:` between)
// ELIGO_R1CS    a circuit to describe and to make a set-up for; with ELIGO_WTNS, to prove with too

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { groth16 } from "snarkjs";
import { prove, r1csInfo, setup, verify } from "./groth16.mjs";
import { toyR1cs, toyWitness } from "./toy.mjs";

const FIXTURES = fileURLToPath(new URL("../fixtures/vk", import.meta.url));

async function scratch(work) {
  const folder = await mkdtemp(path.join(tmpdir(), "eligo-interop-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("snarkjs accepts our key, inputs and proof", async () => {
  assert.equal(await verify(path.join(FIXTURES, "good")), true);
});

test("snarkjs rejects our proof for other inputs", async () => {
  await scratch(async (folder) => {
    await cp(path.join(FIXTURES, "good"), folder, { recursive: true });
    const file = path.join(folder, "public.json");
    const inputs = JSON.parse(await readFile(file, "utf8"));
    for (const i of inputs.keys()) {
      const bent = inputs.with(i, (BigInt(inputs[i]) + 1n).toString());
      await writeFile(file, JSON.stringify(bent));
      assert.equal(await verify(folder), false, `input ${i}`);
    }
  });
});

// Why every key is linted: snarkjs, like other verifiers, takes these as they come.
test("snarkjs accepts forged proofs under the unsafe keys", async () => {
  const names = (await readdir(FIXTURES)).filter((n) => !["good", "snarkjs", "README.md"].includes(n));
  assert.ok(names.length >= 7);
  for (const name of names) {
    assert.equal(await verify(path.join(FIXTURES, name)), true, name);
  }
});

test("a set-up and a proof by snarkjs from circuit and witness files", async () => {
  await scratch(async (folder) => {
    const [r1cs, zkey] = ["toy.r1cs", "toy.zkey"].map((name) => path.join(folder, name));
    await writeFile(r1cs, toyR1cs(6));
    const { nConstraints, nPubInputs, nOutputs, nVars } = await r1csInfo(r1cs);
    assert.deepEqual([nConstraints, nPubInputs, nOutputs, nVars], [6, 6, 0, 19]);
    const key = await setup(r1cs, zkey);
    const factors = Array.from({ length: 6 }, (_, i) => [BigInt(i + 3), BigInt(7 * i + 1)]);
    const { proof, publicSignals } = await prove(zkey, new Uint8Array(toyWitness(factors)));
    assert.deepEqual(publicSignals, factors.map(([a, b]) => (a * b).toString()));
    assert.equal(await groth16.verify(key, publicSignals, proof), true);
    publicSignals[3] = "1";
    assert.equal(await groth16.verify(key, publicSignals, proof), false);
  });
});

test("the demo's proofs verify", { skip: !process.env.ELIGO }, async () => {
  await scratch(async (folder) => {
    const out = path.join(folder, "demo");
    await promisify(execFile)(path.resolve(process.env.ELIGO), ["demo", "--json", "--out", out]);
    const files = await readdir(out, { recursive: true });
    const whole = files
      .filter((file) => path.basename(file) === "proof.json")
      .map((file) => path.join(out, path.dirname(file)))
      .filter((at) => existsSync(path.join(at, "public.json")) && existsSync(path.join(at, "verification_key.json")));
    assert.ok(whole.length > 0, "no folder holds a proof with its inputs and key");
    for (const at of whole) {
      assert.equal(await verify(at), true, at);
      const inputs = JSON.parse(await readFile(path.join(at, "public.json"), "utf8"));
      assert.equal(inputs.length, 6);
      const bent = inputs.with(5, (BigInt(inputs[5]) + 1n).toString());
      await writeFile(path.join(at, "public.json"), JSON.stringify(bent));
      assert.equal(await verify(at), false, `${at}, another context`);
    }
  });
});

test("given proofs verify", { skip: !process.env.ELIGO_PROOFS }, async () => {
  for (const folder of process.env.ELIGO_PROOFS.split(":")) {
    assert.equal(await verify(folder), true, folder);
  }
});

test("a given circuit has a snarkjs set-up", { skip: !process.env.ELIGO_R1CS }, async (t) => {
  const r1cs = process.env.ELIGO_R1CS;
  t.diagnostic(JSON.stringify(await r1csInfo(r1cs)));
  await scratch(async (folder) => {
    const zkey = path.join(folder, "circuit.zkey");
    const started = performance.now();
    const key = await setup(r1cs, zkey);
    t.diagnostic(`set-up: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    assert.equal(key.curve, "bn128");
    if (process.env.ELIGO_WTNS) {
      const { proof, publicSignals } = await prove(zkey, process.env.ELIGO_WTNS);
      assert.equal(await groth16.verify(key, publicSignals, proof), true);
    }
  });
});

// A ceremony by snarkjs on a circuit of ours: export, set up, import, prove, verify on both sides.
test("a key that snarkjs made proves and verifies", { skip: !process.env.ELIGO }, async () => {
  await scratch(async (folder) => {
    const at = (name) => path.join(folder, name);
    const env = { ...process.env, ELIGO_PASSPHRASE: "interop" };
    const eligo = (...words) => promisify(execFile)(path.resolve(process.env.ELIGO), words, { env });
    const bundle = {
      resourceType: "Bundle",
      type: "collection",
      entry: [
        { resource: { resourceType: "Patient", id: "p", birthDate: "1970-01-01" } },
        {
          resource: {
            resourceType: "Observation",
            id: "o",
            status: "final",
            subject: { reference: "Patient/p" },
            code: { coding: [{ system: "urn:eligo:bench", code: "v001" }] },
            effectiveDateTime: "2021-01-01",
            valueQuantity: { value: 20.5, unit: "1", system: "http://unitsofmeasure.org", code: "1" },
          },
        },
      ],
    };
    await writeFile(at("bundle.json"), JSON.stringify(bundle));
    await eligo("hospital", "keygen", "-o", at("h.key"));
    await eligo("hospital", "public", at("h.key"), "-o", at("h.pub"));
    await eligo("wallet", "new", "-o", at("wallet"));
    await eligo("wallet", "holder", "--wallet", at("wallet"), "-o", at("holder.json"));
    await eligo(
      ...["hospital", "issue", "--key", at("h.key"), "--schema", "bench-64", "--holder", at("holder.json")],
      ...["--record", at("bundle.json"), "--issued", "2021-05-01", "-o", at("credential.json")],
    );
    const issuer = JSON.parse(await readFile(at("h.pub"), "utf8")).baby_jubjub;
    const requirement = [
      'id = "ceremony"',
      'title = "A value in a range"',
      'publisher = "Interop"',
      'schema = "bench-64@1"',
      'expression = "v001 between 12.79 and 28.15"',
      `issuers = ["${issuer}"]`,
    ];
    await writeFile(at("r.toml"), requirement.join("\n") + "\n");
    await eligo("export", "r1cs", "--requirement", at("r.toml"), "-o", at("c.r1cs"));
    const { nConstraints, nPubInputs, nOutputs } = await r1csInfo(at("c.r1cs"));
    assert.ok(nConstraints > 2000 && nConstraints < 4089, `${nConstraints} constraints`);
    assert.equal(nPubInputs + nOutputs, 6);

    await setup(at("c.r1cs"), at("c.zkey"));
    await eligo("keys", "import", "--zkey", at("c.zkey"), "--requirement", at("r.toml"), "-o", at("keys"));
    await eligo(
      ...["prove", "--wallet", at("wallet"), "--credential", at("credential.json"), "--requirement", at("r.toml")],
      ...["--keys", at("keys"), "--today", "2021-06-01", "-o", at("proof")],
    );
    await eligo(
      ...["verify", "--requirement", at("r.toml"), "--keys", at("keys")],
      ...["--proof", at("proof"), "--today", "2021-06-01"],
    );
    assert.equal(await verify(at("proof")), true);

    // Our witness, their prover.
    await eligo(
      ...["export", "wtns", "--wallet", at("wallet"), "--credential", at("credential.json")],
      ...["--requirement", at("r.toml"), "--today", "2021-06-01", "-o", at("c.wtns")],
    );
    const key = JSON.parse(await readFile(path.join(at("proof"), "verification_key.json"), "utf8"));
    const { proof, publicSignals } = await prove(at("c.zkey"), at("c.wtns"));
    assert.equal(await groth16.verify(key, publicSignals, proof), true);
    assert.deepEqual(publicSignals, JSON.parse(await readFile(path.join(at("proof"), "public.json"), "utf8")));
  });
});
