FROM basis
ARG NOTHING
RUN echo "[${NOTHING}]" "[${NOTHING:-default}]" > /out
