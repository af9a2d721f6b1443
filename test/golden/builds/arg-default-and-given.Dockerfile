# build {"args": {"TWO": "given"}}
FROM basis
ARG ONE=1
ARG TWO=2
RUN echo $ONE $TWO > /args
