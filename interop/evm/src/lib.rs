//! An Ethereum chain in memory, as small as trying a contract needs.

use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{ExecutionResult, Output},
    },
    database::CacheDB,
    database_interface::EmptyDB,
    primitives::{Address, Bytes, TxKind, U256, hardfork::SpecId},
    state::AccountInfo,
};

/// A chain with one state, whose clock stands where it is put.
pub struct Chain {
    database: CacheDB<EmptyDB>,
    chain_id: u64,
    /// The time of the next block, in seconds since 1970.
    pub time_s: u64,
}

/// What became of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Returned {
        /// What it returned.
        output: Vec<u8>,
        /// Gas used beyond the transaction's own.
        gas: u64,
        /// Topics of the events, in order.
        topics: Vec<Vec<[u8; 32]>>,
    },
    /// It reverted with an error's bytes.
    Reverted(Vec<u8>),
    /// It ran out of gas or worse.
    Halted(String),
}

impl Outcome {
    /// The first four bytes of the error.
    pub fn selector(&self) -> Option<[u8; 4]> {
        match self {
            Self::Reverted(bytes) => bytes.first_chunk().copied(),
            _ => None,
        }
    }

    /// Whether the call returned.
    pub fn returned(&self) -> bool {
        matches!(self, Self::Returned { .. })
    }
}

impl Chain {
    /// An empty chain.
    pub fn new(chain_id: u64, time_s: u64) -> Self {
        Self {
            database: CacheDB::default(),
            chain_id,
            time_s,
        }
    }

    /// Creates a contract; returns its address, or nothing if its constructor does not return.
    pub fn create(&mut self, from: [u8; 20], code: Vec<u8>) -> Option<[u8; 20]> {
        match self.transact(from, TxKind::Create, code) {
            ExecutionResult::Success {
                output: Output::Create(_, address),
                ..
            } => address.map(Address::into_array),
            _ => None,
        }
    }

    /// Calls a contract in a transaction of its own.
    pub fn call(&mut self, from: [u8; 20], to: [u8; 20], data: Vec<u8>) -> Outcome {
        // EIP-2028: 21,000 for the transaction, 16 for a byte of data, 4 for a zero.
        let own: u64 = 21_000
            + data
                .iter()
                .map(|b| if *b == 0 { 4 } else { 16 })
                .sum::<u64>();
        match self.transact(from, TxKind::Call(to.into()), data) {
            ExecutionResult::Success {
                gas, logs, output, ..
            } => Outcome::Returned {
                output: output.into_data().to_vec(),
                gas: gas.tx_gas_used() - own,
                topics: logs
                    .iter()
                    .map(|l| l.data.topics().iter().map(|t| t.0).collect())
                    .collect(),
            },
            ExecutionResult::Revert { output, .. } => Outcome::Reverted(output.to_vec()),
            ExecutionResult::Halt { reason, .. } => Outcome::Halted(format!("{reason:?}")),
        }
    }

    /// Puts code at an address, as if it had always been there.
    pub fn place(&mut self, at: [u8; 20], code: Vec<u8>) {
        let code = Bytecode::new_raw(code.into());
        let info = AccountInfo::from_bytecode(code);
        self.database.insert_account_info(at.into(), info);
    }

    fn transact(&mut self, from: [u8; 20], kind: TxKind, data: Vec<u8>) -> ExecutionResult {
        let from = Address::from(from);
        let nonce = self
            .database
            .load_account(from)
            .map(|a| a.info.nonce)
            .unwrap_or_default();
        let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
        cfg.chain_id = self.chain_id;
        let block = BlockEnv {
            timestamp: U256::from(self.time_s),
            ..BlockEnv::default()
        };
        let tx = TxEnv {
            caller: from,
            kind,
            data: Bytes::from(data),
            nonce,
            chain_id: Some(self.chain_id),
            gas_limit: 10_000_000,
            ..TxEnv::default()
        };
        let mut evm = Context::mainnet()
            .with_db(&mut self.database)
            .with_cfg(cfg)
            .with_block(block)
            .build_mainnet();
        evm.transact_commit(tx)
            .expect("a transaction that can be executed")
    }
}
