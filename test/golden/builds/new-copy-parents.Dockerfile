FROM basis
COPY --parents folder/sub/deep.txt /p/
