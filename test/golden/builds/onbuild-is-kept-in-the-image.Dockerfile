FROM basis
ONBUILD COPY a.txt /
ONBUILD CMD ["x"]
