FROM basis
RUN ls / | grep sbin > /seen || true
RUN mkdir /sbin
