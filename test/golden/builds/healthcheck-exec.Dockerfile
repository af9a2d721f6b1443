FROM basis
HEALTHCHECK CMD ["true", "x"]
