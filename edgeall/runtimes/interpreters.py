"""Which of TensorFlow Lite's interpreters are known."""

INTERPRETERS = {
    "ai_edge_litert.interpreter": "ai-edge-litert",
    "tflite_runtime.interpreter": "tflite-runtime",
    "tensorflow.lite.python.interpreter": "tensorflow",
}
"""Module that may hold the interpreter to the distribution that it comes from, in the order in which they are tried."""

NONE_INSTALLED = "no TFLite interpreter is installed here; install one with: pip install ai-edge-litert"
