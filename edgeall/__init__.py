"""edgeall: leukaemia classifiers from a fine-tuned CNN to the device where they are needed."""

__version__ = "0.1.0"
