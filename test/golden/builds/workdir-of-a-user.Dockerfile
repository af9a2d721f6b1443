FROM basis
USER app
WORKDIR /made/for/app
