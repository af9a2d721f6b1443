ARG NAME=basis
ARG LATER=x
FROM ${NAME}
ARG LATER
RUN echo "later $LATER name $NAME" > /out
