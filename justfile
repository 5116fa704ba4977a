# Commands for people who work on Eligo. `just --list` shows them.

# The main job on the shipped fixtures.
demo *ARGS:
    cargo run --release --bin eligo -- demo {{ARGS}}

# All tests.
test:
    cargo test --workspace

# The whole truth: what must pass before a change lands.
ci:
    .ci/run

# Format, then lint as CI does.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Proofs against snarkjs (Node.js).
interop:
    cargo build --release --bin eligo
    cd interop && npm ci --ignore-scripts && ELIGO=../target/release/eligo npm test

# The papers' tables beside ours.
bench-papers:
    cargo bench -p eligo-benches --bench huang2020

# Proving against stock arkworks.
bench-proving:
    cargo bench -p eligo-benches --bench proving
