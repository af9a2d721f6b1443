FROM basis AS unused
RUN echo 1 > /one
FROM basis
RUN echo 2 > /two
