FROM basis
USER app:app
