// The Solidity contracts: the same bytes from the same source, and accepted by a real node.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { send, withNode } from "./node.mjs";
import { BYTECODE, CLAIM, bytecode } from "./solidity.mjs";

test("the kept bytecode is what solc makes of the kept source", async () => {
  assert.equal(await bytecode(), await readFile(BYTECODE, "utf8"));
});

test("a real node accepts a claim once, and no altered one", async () => {
  const claim = JSON.parse(await readFile(CLAIM, "utf8"));
  const { contracts } = JSON.parse(await readFile(BYTECODE, "utf8"));
  const creation = `0x${contracts.EligibilityGate.creation}${claim.constructorArguments.slice(2)}`;
  await withNode(claim, async (call) => {
    const from = claim.account;
    const { contractAddress } = await send(call, { from, data: creation });
    assert.equal(contractAddress, claim.contract);
    const to = contractAddress;
    // Every word of the proof and of the inputs, changed in its lowest bit.
    for (let word = 0; word < 12; word++) {
      const at = claim.callData.length - 64 * (12 - word) + 63;
      const digit = (parseInt(claim.callData[at], 16) ^ 1).toString(16);
      const data = claim.callData.slice(0, at) + digit + claim.callData.slice(at + 1);
      await assert.rejects(call("eth_call", { from, to, data }, "latest"), `word ${word}`);
    }
    const [, other] = await call("eth_accounts");
    const stolen = { from: other, to, data: claim.callData };
    await assert.rejects(call("eth_call", stolen, "latest"), { data: "0x7fcdd1f4" });
    const accepted = await send(call, { from, to, data: claim.callData });
    assert.equal(accepted.status, "0x1");
    assert.equal(accepted.logs.length, 1);
    const again = { from, to, data: claim.callData };
    await assert.rejects(call("eth_call", again, "latest"), (error) => error.data.startsWith("0xb3167bfa"));
  });
});
