FROM basis
COPY --chown=12 a.txt /a
COPY --chown=12:34 run.sh /b
