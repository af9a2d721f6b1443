FROM basis
SHELL ["/bin/sh", "-xc"]
ENTRYPOINT a b
CMD c d
