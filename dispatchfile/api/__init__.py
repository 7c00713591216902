"""The Python API. `dispatchfile/__init__.py` has its names, docs/python.md explains them."""
