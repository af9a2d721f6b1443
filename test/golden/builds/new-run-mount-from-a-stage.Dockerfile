FROM basis AS one
RUN echo x > /x
FROM basis
RUN --mount=from=one,target=/one cat /one/x > /y
