FROM basis
ENTRYPOINT exec top -b
