"""What can go wrong with pretrained models. Knows nothing of HTTP or of the command line.

ModelError
├── UnknownModel         no preset, hub id or folder of that name
├── UnsupportedTask      the model exists but does not do what was asked
├── InvalidOption        an option's value lies outside what the model takes
├── UnreadableText       the text holds nothing that the model can read
├── ModelUnavailable     files are missing, or the hub cannot be reached
└── ModelCorrupt         files are there, but are not what was recorded
"""


class ModelError(Exception):
    """The model could not answer."""


class UnknownModel(ModelError):
    """There is no model of that name."""


class UnsupportedTask(ModelError):
    """The model does not do that task."""


class InvalidOption(ModelError):
    """An option has a value that the model does not take."""


class UnreadableText(ModelError):
    """The text cannot be read."""


class ModelUnavailable(ModelError):
    """The model's files are missing."""


class ModelCorrupt(ModelError):
    """The model's files are not what was recorded."""
