FROM basis
ADD --chown=5:6 folder /y/
