FROM basis
COPY --from=basis /etc/passwd /their-passwd
