FROM basis
RUN ["sh", "-c", "echo $0 > /out", "zero"]
