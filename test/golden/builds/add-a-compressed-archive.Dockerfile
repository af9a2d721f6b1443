FROM basis
ADD archive.tgz /opt
