"""The contract under faults: a checker, and what it is fed by."""
