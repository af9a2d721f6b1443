FROM basis
RUN mkdir /w && chmod 700 /w
WORKDIR /w
RUN echo x > y
