# The client alone: it needs a Nomad to talk to. The embedded agent is not part of the image.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY LICENSE README.md pyproject.toml ./
COPY .ci/constraints.txt .ci/constraints.txt
COPY dispatchfile dispatchfile
COPY docs docs
COPY schemas schemas
RUN python3 -m venv /opt/dispatchfile \
    && /opt/dispatchfile/bin/pip install --no-cache-dir --constraint .ci/constraints.txt . \
    && /opt/dispatchfile/bin/pip uninstall --yes pip \
    && mkdir -p /state

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="dispatchfile" \
      org.opencontainers.image.description="Dispatch a list of Nomad parameterized jobs from a manifest in git" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/dispatchfile /opt/dispatchfile
COPY --from=build --chown=10001:10001 /state /state
ENV PATH=/opt/dispatchfile/bin:$PATH \
    HOME=/state \
    DISPATCHFILE_STATE_DIR=/state
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["dispatchfile"]
CMD ["--help"]
