# build {"target": "two"}
FROM basis AS one
RUN echo 1 > /one
FROM basis AS two
RUN echo 2 > /two
FROM one AS three
RUN echo 3 > /three
