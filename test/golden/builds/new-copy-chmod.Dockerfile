FROM basis
COPY --chmod=640 a.txt /a
COPY --chmod=755 folder /f
