FROM basis
COPY run.sh special.txt /m/
