FROM basis
RUN --mount=type=bind,source=folder,target=/m cat /m/one.md > /out
