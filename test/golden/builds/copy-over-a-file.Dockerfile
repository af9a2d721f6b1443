FROM basis
RUN echo old > /a.txt && chmod 600 /a.txt
COPY a.txt /a.txt
