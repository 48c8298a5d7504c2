"""The typed operations of the bindings, printed from two tables. tools/generate-operations.py runs
this package."""
