"""Importing it goes on in the Python that has the stock clients of requirements.txt, where there is one.

scripts/test makes that environment and names its Python in SLIPSTREAM_CLIENTS_PYTHON.
"""
import os
import sys

PYTHON = os.environ.pop("SLIPSTREAM_CLIENTS_PYTHON", "")
if PYTHON:
    os.execv(PYTHON, [PYTHON, *sys.argv])
