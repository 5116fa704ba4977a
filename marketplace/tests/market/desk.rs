//! What a node of a test that lies passes on as its own node says it.

/// Methods of a desk that asks `self.node`.
macro_rules! passes_on {
    (genesis) => {
        fn genesis(
            &self,
        ) -> Result<eligo_ledger::application::Genesis, eligo_marketplace::client::DeskError> {
            self.node.genesis()
        }
    };
    (height) => {
        fn height(
            &self,
        ) -> Result<eligo_ledger::height::Height, eligo_marketplace::client::DeskError> {
            self.node.height()
        }
    };
    (submit) => {
        fn submit(
            &self,
            transaction: &eligo_ledger::block::Transaction,
        ) -> Result<eligo_marketplace::client::Said, eligo_marketplace::client::DeskError> {
            self.node.submit(transaction)
        }
    };
    (block) => {
        fn block(
            &self,
            height: eligo_ledger::height::Height,
        ) -> Result<
            Option<eligo_ledger::pbft::effect::Delivery>,
            eligo_marketplace::client::DeskError,
        > {
            self.node.block(height)
        }
    };
    (proof) => {
        fn proof(
            &self,
            height: eligo_ledger::height::Height,
            index: u32,
        ) -> Result<
            Option<eligo_ledger::light::LedgerProof>,
            eligo_marketplace::client::DeskError,
        > {
            self.node.proof(height, index)
        }
    };
    (objects) => {
        fn put(
            &self,
            digest: eligo_marketplace::storage::ObjectDigest,
            bytes: &mut (dyn std::io::Read + Send),
        ) -> Result<(), eligo_marketplace::client::DeskError> {
            self.node.put(digest, bytes)
        }
        fn get(
            &self,
            digest: eligo_marketplace::storage::ObjectDigest,
            out: &mut dyn std::io::Write,
        ) -> Result<u64, eligo_marketplace::client::DeskError> {
            self.node.get(digest, out)
        }
        fn size(
            &self,
            digest: eligo_marketplace::storage::ObjectDigest,
        ) -> Result<Option<u64>, eligo_marketplace::client::DeskError> {
            self.node.size(digest)
        }
    };
    ($($word:ident)*) => { $(passes_on!($word);)* };
}

pub(crate) use passes_on;
