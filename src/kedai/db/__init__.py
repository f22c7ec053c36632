"""The database: engines, transactions, column types and the one way to claim a row. Knows no feature."""
