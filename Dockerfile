# Two images from one tree: `docker build --target server .` and `docker build --target runner .`
#
# Each installs exactly what its lock says, checked by hash, and then this tree, built once. Nothing else is downloaded,
# and nothing of the build tools stays behind. tests/e2e/test_images.py carries out every instruction of this file in an
# empty place and starts both programs, without pulling a base image.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm AS server-build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/ades
COPY requirements.lock ./
RUN /opt/ades/bin/python -m pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY ades ./ades
COPY processes ./processes
COPY cwl ./cwl
RUN /opt/ades/bin/python -m pip wheel --no-deps --no-build-isolation -w /opt/wheels .
RUN /opt/ades/bin/python -m pip install --no-deps --no-index --find-links /opt/wheels ades

FROM python:${PYTHON}-slim-bookworm AS runner-build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/ades
COPY calrissian.lock ./
RUN /opt/ades/bin/python -m pip install --require-hashes -r calrissian.lock
COPY --from=server-build /opt/wheels /opt/wheels
RUN /opt/ades/bin/python -m pip install --no-deps --no-index --find-links /opt/wheels ades

# What runs a job in the cluster: Calrissian 0.18.1 and our runner. It writes to /tmp and /scratch only.
FROM python:${PYTHON}-slim-bookworm AS runner
COPY --from=runner-build /opt/ades /opt/ades
ENV PATH=/opt/ades/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 1000:1000
ENTRYPOINT ["ades", "runner"]

# The server and its worker. It keeps what it keeps in ADES_DATA; with PostgreSQL and S3 that is next to nothing.
FROM python:${PYTHON}-slim-bookworm AS server
COPY --from=server-build /opt/ades /opt/ades
ENV PATH=/opt/ades/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 HOME=/tmp ADES_DATA=/data ADES_HOST=0.0.0.0
USER 1000:1000
EXPOSE 8080
ENTRYPOINT ["ades"]
CMD ["serve"]
