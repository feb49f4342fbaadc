"""LitServe with batching, over the same weights: `python -m tests.bench.litserve_server --port N --folder F --kind K`. A
module of its own, because LitServe sends its class to another process by name."""

import argparse
from pathlib import Path
from typing import Any

import litserve

from tests.bench.servers import predictor

BATCH = 8
BATCH_SECONDS = 0.05


class Api(litserve.LitAPI):  # type: ignore[misc]
    kind = "embedded"
    folder = Path()

    def setup(self, device: str) -> None:
        self.predictor = predictor(self.kind, self.folder)

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def predict(self, texts: list[str]) -> Any:
        return self.predictor(texts)

    def encode_response(self, output: Any) -> Any:
        return {"output": output}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kind", choices=["embedded", "seq2seq"], required=True)
    options = parser.parse_args()
    api = Api(max_batch_size=BATCH, batch_timeout=BATCH_SECONDS)
    api.kind, api.folder = options.kind, options.folder
    server = litserve.LitServer(api, accelerator="cpu", timeout=600)
    server.run(port=options.port, generate_client_file=False, log_level="error")


if __name__ == "__main__":
    main()
