FROM basis
COPY links /links/
