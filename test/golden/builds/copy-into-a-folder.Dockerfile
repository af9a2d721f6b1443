FROM basis
COPY a.txt run.sh /into/
