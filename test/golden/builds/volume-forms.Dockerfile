FROM basis
VOLUME /one /two
VOLUME ["/three", "/four four"]
