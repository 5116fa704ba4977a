// The smallest statement with six public inputs, each the product of two witnesses, as `.r1cs` and
// `.wtns` files (the binary formats of iden3).

const PRIME = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

function u32(n) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
}

function u64(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}

function element(n) {
  const bytes = Buffer.alloc(32);
  for (let i = 0, rest = ((n % PRIME) + PRIME) % PRIME; i < 32; i++, rest >>= 8n) {
    bytes[i] = Number(rest & 255n);
  }
  return bytes;
}

function file(magic, version, sections) {
  const parts = [Buffer.from(magic), u32(version), u32(sections.length)];
  for (const [type, content] of sections) {
    parts.push(u32(type), u64(content.length), content);
  }
  return Buffer.concat(parts);
}

/** Wires: 1, then `inputs` public ones, then two witnesses for each. */
export function toyR1cs(inputs) {
  const wires = 1 + 3 * inputs;
  const header = Buffer.concat([
    u32(32), element(0n).fill(0), // the prime follows, which is no element
    u32(wires), u32(0), u32(inputs), u32(2 * inputs), u64(wires), u32(inputs),
  ]);
  Buffer.from(PRIME.toString(16).padStart(64, "0"), "hex").reverse().copy(header, 4);
  const term = (wire) => Buffer.concat([u32(1), u32(wire), element(1n)]);
  const constraints = Buffer.concat(
    Array.from({ length: inputs }, (_, i) => {
      const a = 1 + inputs + 2 * i;
      return Buffer.concat([term(a), term(a + 1), term(1 + i)]);
    }),
  );
  const labels = Buffer.concat(Array.from({ length: wires }, (_, i) => u64(i)));
  return file("r1cs", 1, [[1, header], [2, constraints], [3, labels]]);
}

/** The witness for factors `[a, b]` of each public input. */
export function toyWitness(factors) {
  const values = [1n, ...factors.map(([a, b]) => a * b), ...factors.flat()];
  const header = Buffer.concat([u32(32), Buffer.alloc(32), u32(values.length)]);
  Buffer.from(PRIME.toString(16).padStart(64, "0"), "hex").reverse().copy(header, 4);
  return file("wtns", 2, [[1, header], [2, Buffer.concat(values.map(element))]]);
}
