FROM basis
ENV A=x
ENV B=${A:-no} C=${NONE:-yes} D=${A:+plus} E=${NONE:+plus}
RUN env | sort | grep -v HOSTNAME > /env
