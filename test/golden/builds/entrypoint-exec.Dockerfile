FROM basis
ENTRYPOINT ["sh", "-c"]
CMD ["true"]
