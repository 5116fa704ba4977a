// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Checks Groth16 proofs under one verifying key (BN254, EIP-196 and EIP-197).
/// @notice The key was linted before this was written. It reverts instead of returning false, so a
/// caller cannot forget to look at the result.
contract Groth16Verifier {
    /// A public input is not below the order of the group: an input plus that order would prove the
    /// same and look different.
    error InputNotCanonical(uint256 index);
    /// The proof is malformed, or not valid for these inputs.
    error ProofInvalid();

    /// SHA-256 of the key's canonical bytes.
    bytes32 public constant KEY_DIGEST = 0x{{KEY_DIGEST}};

    uint256 private constant R =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;

{{CONSTANTS}}
    /// @param proof A.x, A.y, B.x (imaginary, real), B.y (imaginary, real), C.x, C.y.
    /// @param inputs The public inputs, in the statement's order.
    function verify(uint256[8] calldata proof, uint256[{{COUNT}}] calldata inputs) public view {
        assembly ("memory-safe") {
            // Four pairs (G1: 2 words, G2: 4 words), and what ecAdd and ecMul need behind them.
            let pairs := mload(0x40)
            let sum := add(pairs, 0x180)
            let ok := 1

            // X = IC_0 + sum x_i IC_i, in place of the third pair's first point.
            mstore(sum, IC0_X)
            mstore(add(sum, 0x20), IC0_Y)
            function fold(to, x, y, input, index) -> done {
                if iszero(lt(input, R)) {
                    mstore(0x00, {{INPUT_NOT_CANONICAL}})
                    mstore(0x20, index)
                    revert(0x1c, 0x24)
                }
                let term := add(to, 0x40)
                mstore(term, x)
                mstore(add(to, 0x60), y)
                mstore(add(to, 0x80), input)
                done := staticcall(gas(), 0x07, term, 0x60, term, 0x40)
                done := and(done, staticcall(gas(), 0x06, to, 0x80, to, 0x40))
            }
{{FOLDS}}
            // e(A, B) e(alpha, -beta) e(X, -gamma) e(C, -delta) = 1
            calldatacopy(pairs, proof, 0xc0)
            mstore(add(pairs, 0xc0), ALPHA_X)
            mstore(add(pairs, 0xe0), ALPHA_Y)
            mstore(add(pairs, 0x100), BETA_NEG_X1)
            mstore(add(pairs, 0x120), BETA_NEG_X0)
            mstore(add(pairs, 0x140), BETA_NEG_Y1)
            mstore(add(pairs, 0x160), BETA_NEG_Y0)
            mstore(add(pairs, 0x1c0), GAMMA_NEG_X1)
            mstore(add(pairs, 0x1e0), GAMMA_NEG_X0)
            mstore(add(pairs, 0x200), GAMMA_NEG_Y1)
            mstore(add(pairs, 0x220), GAMMA_NEG_Y0)
            calldatacopy(add(pairs, 0x240), add(proof, 0xc0), 0x40)
            mstore(add(pairs, 0x280), DELTA_NEG_X1)
            mstore(add(pairs, 0x2a0), DELTA_NEG_X0)
            mstore(add(pairs, 0x2c0), DELTA_NEG_Y1)
            mstore(add(pairs, 0x2e0), DELTA_NEG_Y0)

            // The precompiled contracts check coordinates, curve and subgroup, and take all zeros for
            // the identity, which no proof contains. No point has x = 0 in either group.
            ok := and(ok, iszero(iszero(mload(pairs))))
            ok := and(ok, iszero(iszero(or(mload(add(pairs, 0x40)), mload(add(pairs, 0x60))))))
            ok := and(ok, iszero(iszero(mload(add(pairs, 0x240)))))

            // All four or nothing: a failed call leaves the memory as it is, so `ok` counts first.
            ok := and(staticcall(gas(), 0x08, pairs, 0x300, 0x00, 0x20), ok)
            if iszero(and(ok, eq(mload(0x00), 1))) {
                mstore(0x00, {{PROOF_INVALID}})
                revert(0x1c, 0x04)
            }
        }
    }
}
