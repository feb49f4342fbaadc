"""Models that end the process they run in, as a fault in native code or the kernel's memory killer would. In a module of
their own, because worker processes import it."""

import os
import signal
from typing import Any

from models.extractive.lead import Lead
from models.types import Outcome
from seeds.store import Store
from service.archive.job import ArchiveJob
from service.digest import Digester
from tests.doubles import SomeModels


class Poisoned(Lead):
    """The lead, but a text with POISON in it ends the process, as a fault in native code or the kernel's memory killer
    would."""

    def run(self, work: Any) -> list[Outcome]:
        if any("POISON" in item.document.text for item in work):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(work)


class Doomed(Lead):
    """Ends the process whatever it is given."""

    def run(self, work: Any) -> list[Outcome]:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().run(work)


def poisoned(job: ArchiveJob) -> Digester:
    return Digester(SomeModels({"lead": Poisoned()}), Store(job.store))


def doomed(job: ArchiveJob) -> Digester:
    return Digester(SomeModels({"lead": Doomed()}), Store(job.store))


def never(job: ArchiveJob) -> Digester:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
