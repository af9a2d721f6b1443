FROM basis AS parent
ONBUILD RUN echo built > /onbuild
ONBUILD ENV O=1
FROM parent
RUN cat /onbuild > /seen
