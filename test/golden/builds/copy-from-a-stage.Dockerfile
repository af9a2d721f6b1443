FROM basis AS made
RUN mkdir /d && echo x > /d/x && chmod 750 /d && chown 3:4 /d/x
FROM basis
COPY --from=made /d /e
COPY --from=0 /d/x /x
