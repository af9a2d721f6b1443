FROM basis
RUN echo one \
    two \

    three > /out
ENV A=1 \
    B=2
