FROM basis
COPY --chown=app:app folder /f
COPY --chown=app a.txt /g
