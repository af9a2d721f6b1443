FROM basis AS one
ENV A=1
RUN echo x > /x
FROM one
RUN cat /x > /y
USER 7
