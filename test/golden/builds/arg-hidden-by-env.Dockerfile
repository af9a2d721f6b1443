# build {"args": {"A": "given"}}
FROM basis
ARG A=arg
ENV A=env
RUN echo $A > /out
