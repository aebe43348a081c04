"""What runs inside the user's own interpreter, beside the user's program: the standard library and torch, no more.

It is loaded under a name of its own (`start.py`), so nothing of wganlint needs to be installed there, and all
imports between its modules are relative.
"""
