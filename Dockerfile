# The package index and torch's build come from build arguments: --build-arg PIP_INDEX_URL=…, PIP_EXTRA_INDEX_URL=….
# For a small image point one of them at the CPU builds of torch, or mount a folder of wheels at /opt/wheels
# (--volume with podman and buildah): those are preferred to the index.
FROM python:3.11-slim AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS=/opt/wheels
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
RUN python3 -m venv /opt/dateline
COPY constraints.txt requirements.lock pyproject.toml README.md LICENSE ./
# The dependencies first, so that a change of the code does not install them again: torch by its version, because its
# CPU and CUDA builds differ in their hashes; everything else by the hash.
RUN /opt/dateline/bin/pip install --constraint constraints.txt torch \
 && /opt/dateline/bin/pip install --no-deps --require-hashes --requirement requirements.lock \
 && rm -rf /opt/dateline/lib/python3*/site-packages/torch/include /opt/dateline/lib/python3*/site-packages/torch/test
COPY models models
COPY seeds/*.py seeds/
COPY seeds/archives seeds/archives
COPY seeds/outputs seeds/outputs
COPY service service
RUN /opt/dateline/bin/pip install --constraint constraints.txt --no-deps .

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Dateline" \
      org.opencontainers.image.description="Summarises news articles and tags their topics" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 dateline \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dateline \
 && install -d -o dateline -g dateline /seeds /models
COPY --from=build /opt/dateline /opt/dateline
COPY --chown=dateline seeds/articles/*.txt /seeds/
ENV PATH=/opt/dateline/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp \
    DATELINE_HOST=0.0.0.0 DATELINE_PORT=8000 DATELINE_SEEDS=/seeds DATELINE_MODELS=/models
USER dateline
VOLUME ["/seeds", "/models"]
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['DATELINE_PORT']}/readyz\", timeout=4)"]
ENTRYPOINT ["dateline"]
CMD ["serve"]
