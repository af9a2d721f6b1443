FROM basis
WORKDIR /w
COPY a.txt sub/
COPY run.sh .
