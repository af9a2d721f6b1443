FROM basis
RUN true
RUN true
