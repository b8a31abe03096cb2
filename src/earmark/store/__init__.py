"""The state: ledger, evidence, runs, plans, fires and leases, kept in one database."""
