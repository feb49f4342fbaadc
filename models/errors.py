"""What can go wrong with models.

ModelError
├── UnknownModel         no preset, hub id or folder of that name
│   └── ModelNotPulled   there is such a model, but it has not been pulled yet
├── UnsupportedTask      the model exists but does not do what was asked
├── InvalidOption        an option's value lies outside what the model takes
├── UnreadableText       the text holds nothing that the model can read
├── UnsupportedLanguage  the model does not know the language of the text
├── InputTooLong         the article is longer than the model reads, and `truncation` is "error"
├── ServerFailed         the server of a model did not answer in time, or not with a summary
├── NothingSupported     the article supports nothing of what the model wrote, and only such was wanted
├── ModelFailed          the model broke on this article, or answered with what is no answer
├── ModelUnavailable     files are missing, or the hub cannot be reached
│   ├── HubRefused       the hub wants an access token
│   └── NoSpace          the disk or the memory cannot hold the model
└── ModelCorrupt         files are there, but are not what was recorded
"""


class ModelError(Exception):
    """The model could not answer."""


class UnknownModel(ModelError):
    """There is no model of that name."""


class ModelNotPulled(UnknownModel):
    """The model has not been pulled yet."""


class UnsupportedTask(ModelError):
    """The model does not do that task."""


class InvalidOption(ModelError):
    """An option has a value that the model does not take."""


class UnreadableText(ModelError):
    """The text cannot be read."""


class UnsupportedLanguage(ModelError):
    """The model does not know the language of the text."""


class InputTooLong(ModelError):
    """The article is longer than the model reads."""


class ServerFailed(ModelError):
    """The server of a model did not answer in time, or not with a summary."""


class NothingSupported(ModelError):
    """The article supports nothing of what the model wrote."""


class ModelFailed(ModelError):
    """The model failed on this article."""


class ModelUnavailable(ModelError):
    """The model's files are missing."""


class HubRefused(ModelUnavailable):
    """The hub wants an access token."""


class NoSpace(ModelUnavailable):
    """The model does not fit."""


class ModelCorrupt(ModelError):
    """The model's files are not what was recorded."""
