"""A local web page and its JSON API: classify's answers in a browser, on this machine or its network."""

from edgeall.serving.limits import Limits
from edgeall.serving.server import Address, Settings, serve

__all__ = ["Address", "Limits", "Settings", "serve"]
