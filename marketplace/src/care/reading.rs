//! Reading: on the ledger first, then the proxies' shares.
