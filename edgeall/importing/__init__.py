"""Keras classifiers fine-tuned elsewhere become runs.

Nothing in a model file is run or deserialised by Keras: its description is read as data, each layer is looked up in a
table of Keras' own and built anew, and its weights are copied in. Importing this package imports no engine.
"""

from edgeall.importing.import_model import Imported, import_model
from edgeall.importing.preprocessing import MODES

__all__ = ["MODES", "Imported", "import_model"]
