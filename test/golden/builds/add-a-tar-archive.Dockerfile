FROM basis
ADD archive.tar /unpacked/
