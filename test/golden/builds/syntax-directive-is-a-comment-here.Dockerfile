# check=skip=all
FROM basis
RUN echo x > /x
