"""The live probe: the only room that runs user code, and the only one that knows torch (probe/inside)."""
