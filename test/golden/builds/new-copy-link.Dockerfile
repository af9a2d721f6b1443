FROM basis
COPY --link a.txt /l/a
