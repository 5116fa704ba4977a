//! The encrypted index: rows by height and position, and nothing with them.
