"""trueup: from the traces of a language-model application to a checkpoint that may be released."""

__version__ = "0.1.0"
__all__ = ["__version__"]
