FROM basis
RUN --mount=type=tmpfs,target=/t echo x > /t/x; ls /t > /out
