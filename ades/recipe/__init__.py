"""What packages mean: pure functions from documents to descriptions and to CWL, no I/O."""
