"""Evidence of chains of Ethereum's kind: from a trusted block hash to a transaction's calldata."""
