FROM basis
RUN mkdir -p /d/e && echo x > /d/e/x && echo y > /d/y
RUN rm /d/e/x
RUN rm -rf /d/e && mkdir /d/e
