"""Rules applied to records: one record in, alerts out.

Belongs here: what a field means for a record (`fields`), which rules are tried on it (`dispatch`),
how many alerts get through (`limiter`), and the engine that joins them. Does not belong here:
reading the ring, knowledge of processes and containers (`state`), the language itself
(`falcon_rules`), delivering alerts (`outputs`).
"""
