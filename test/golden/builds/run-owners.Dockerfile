FROM basis
RUN echo x > /x && chown 1000:1001 /x && mkdir /h && chown app:app /h
