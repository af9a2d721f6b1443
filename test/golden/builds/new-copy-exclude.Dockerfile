FROM basis
COPY --exclude=*.md folder /f
