FROM basis
COPY a.txt /copied.txt
