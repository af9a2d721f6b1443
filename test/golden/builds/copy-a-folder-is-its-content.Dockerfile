FROM basis
COPY folder /target
