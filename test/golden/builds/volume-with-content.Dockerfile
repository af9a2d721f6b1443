FROM basis
RUN mkdir /v && echo x > /v/x
VOLUME /v
