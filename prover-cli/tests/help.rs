//! Help, usage errors and small commands, as data files: `TRYCMD=overwrite cargo test -p eligo-prover-cli
//! --test help` writes them anew.

#[test]
fn help() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
