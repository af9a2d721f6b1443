FROM basis AS one
ARG A=1
RUN echo $A > /one
FROM basis
COPY --from=one /one /
RUN echo "[$A]" > /two
