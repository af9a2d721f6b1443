FROM basis
RUN mknod /fifo p
