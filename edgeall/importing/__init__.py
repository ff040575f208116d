"""Import of Keras classifiers fine-tuned elsewhere, as runs.

No code in a model file is run, and Keras deserialises none of it. Its description is read as data, each layer is built
anew from a table of Keras' own layers, and its weights are copied. Importing this package imports no engine.
"""

from edgeall.importing.import_model import Imported, import_model
from edgeall.importing.preprocessing import MODES

__all__ = ["MODES", "Imported", "import_model"]
